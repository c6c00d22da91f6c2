/**
 * A deep copy of a value as the stores keep it. Like `structuredClone`, but several times faster for plain objects, arrays,
 * maps, sets and dates: the simulation spent an eighth of its time with copies.
 */
export function copyOf<T>(value: T): T;
export function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  if (value instanceof Date) return new Date(value);
  if (value instanceof Map) return new Map([...value].map(([key, one]) => [copyOf(key), copyOf(one)]));
  if (value instanceof Set) return new Set([...value].map(copyOf));
  if (Object.getPrototypeOf(value) !== Object.prototype) return structuredClone(value);
  const copy: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) copy[key] = copyOf(one);
  return copy;
}
