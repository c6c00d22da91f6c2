import type { ItemChange } from '../reconciler/core/desired/item-changes.ts';
import { type Look, columns } from './layout.ts';
import { printable } from './printable.ts';

/** What an edit changes in an item: one line for each field and for each listed destination. */
export function itemChangesText(changes: readonly ItemChange[], { paint, width }: Look): readonly string[] {
  return columns(
    changes.map(({ field, destination, before, after }) => {
      const way = [before, after].flatMap((end) => (end === undefined ? [] : printable(end)));
      const mark =
        before === undefined ? paint('green', '+') : after === undefined ? paint('red', '-') : paint('yellow', '~');
      return [`${mark} ${printable(destination ?? field)}`, way.join(` ${paint('dim', '→')} `)];
    }),
    width,
  );
}
