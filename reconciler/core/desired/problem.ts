import { inspect } from 'node:util';

/** One problem in a desired item: where it is, what was found, and what was expected. */
export interface Problem {
  /** Such as `routes[2].target`; empty for the item itself. */
  readonly path: string;
  readonly found: string;
  readonly message: string;
}

export const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text ? `${text}.${String(step)}` : String(step)),
    '',
  );

export const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (inner, step) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, step) : undefined),
    value,
  );

/** A value as readable text, cut to 100 characters. Total: accepts sets, binary data and cyclic values too. */
export function foundText(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text =
    typeof value === 'string'
      ? value
      : inspect(value, {
          depth: 2,
          maxArrayLength: 20,
          maxStringLength: 100,
          breakLength: Infinity,
          customInspect: false,
        });
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
