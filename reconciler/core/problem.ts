import { inspect } from 'node:util';

/** One thing that is wrong with a desired item: where, what was found there, and what would be right. */
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

/** A value as a reader recognises it, at most 100 characters of it. Total: also for sets, binary, and what contains itself. */
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
