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

/** A value as a reader recognises it, at most 100 characters of it. */
export function foundText(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text =
    typeof value === 'string'
      ? value
      : (JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ??
        typeof value);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
