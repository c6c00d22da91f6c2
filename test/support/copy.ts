/**
 * A deep copy of a value as the stores keep it: plain objects, arrays, maps, sets and dates. Several times faster than
 * `structuredClone`, with which the simulation spent an eighth of its time.
 *
 * @throws TypeError if the value contains anything else, such as a function
 */
export function copyOf<T>(value: T): T;
export function copyOf(value: unknown): unknown {
  if (typeof value === 'function') throw new TypeError(`a store keeps no function: ${value.name}`);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  if (value instanceof Date) return new Date(value);
  if (value instanceof Map) return new Map([...value].map(([key, one]) => [copyOf(key), copyOf(one)]));
  if (value instanceof Set) return new Set([...value].map(copyOf));
  if (Object.getPrototypeOf(value) !== Object.prototype)
    throw new TypeError(`a store keeps no ${value.constructor.name}`);
  const copy: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) copy[key] = copyOf(one);
  return copy;
}
