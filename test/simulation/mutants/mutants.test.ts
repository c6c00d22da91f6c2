import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mutants } from './mutants.ts';

const product = join(import.meta.dirname, '../../../reconciler');

// The hunt for them takes minutes and is not part of every run; that code moved away from under one shows here.
it.each(mutants)('the mutant that $name has its text exactly once in the product', ({ edits }) => {
  for (const { file, find } of edits) {
    const places = readFileSync(join(product, file), 'utf8').split(find).length - 1;
    expect(places, `${file}: ${find}`).toBe(1);
  }
});
