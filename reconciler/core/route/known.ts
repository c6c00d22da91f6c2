/** An object type in which a field that may be `undefined` may be absent instead. */
export type Known<T> = {
  [Field in keyof T as undefined extends T[Field] ? never : Field]: T[Field];
} & {
  [Field in keyof T as undefined extends T[Field] ? Field : never]?: Exclude<T[Field], undefined>;
};

/** The same object without the fields that are `undefined`: what is not known is not stored. */
export function known<T extends object>(fields: T): Known<T>;
export function known(fields: Readonly<Record<string, unknown>>): object {
  const kept: Record<string, unknown> = {};
  for (const field of Object.keys(fields)) if (fields[field] !== undefined) kept[field] = fields[field];
  return kept;
}
