import { isDeepStrictEqual } from 'node:util';
import { parseDesired } from './core/desired/desired.ts';

/** The table of desired items, as a deployment writes it. */
export interface ItemStore {
  /** Strongly consistent. Undefined if there is no item. */
  read(routeTableId: string): Promise<unknown>;
  /** Writes an item, if the stored one is still this version. Undefined: if there is none. @returns whether it was written */
  put(item: DeployedItem, before: unknown): Promise<boolean>;
  /** Deletes an item, if it is still this version. @returns whether it was deleted */
  remove(routeTableId: string, before: unknown): Promise<boolean>;
}

/** An item as a template has it. */
export type DeployedItem = Readonly<Record<string, unknown>> & { readonly routeTableId: string };

/**
 * Writes the item of a template, in place of the item of the template before. What others wrote is never overwritten. An
 * equal item is as good as written.
 *
 * @param before undefined: the template before had no item for this route table
 * @throws Error if the item is invalid, with every problem; or if others wrote another item meanwhile, or deleted it
 */
export async function writeItem(
  store: ItemStore,
  {
    item,
    before,
    now,
  }: { readonly item: DeployedItem; readonly before?: DeployedItem | undefined; readonly now: Date },
): Promise<void> {
  const parsed = parseDesired(item, now);
  if (!parsed.ok) throw new Error(problemsText(parsed.problems));
  if (await store.put(item, before)) return;
  const current = await store.read(item.routeTableId);
  if (isDeepStrictEqual(current, item)) return;
  const what =
    current === undefined
      ? 'somebody deleted its item'
      : before
        ? 'somebody edited its item'
        : 'it already has another item';
  throw new Error(
    `${item.routeTableId}: ${what}, and it stays as it is. Write the item of the template yourself (routectl apply), or change the template; then deploy again`,
  );
}

/** Every problem of an item, one per line. */
export const problemsText = (problems: readonly { path: string; message: string; found: string }[]): string =>
  [
    'the desired item is invalid:',
    ...problems.map(({ path, message, found }) => `  ${path}: ${message}, found ${found}`),
  ].join('\n');
