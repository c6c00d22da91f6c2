import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mutants } from './mutants.ts';

const product = join(import.meta.dirname, '../../../reconciler');

// The hunt for them takes minutes and is not part of every run; that code moved away from under one shows here.
it.each(mutants)('the mutant that $name has its text exactly once in the product, and is a program', ({ edits }) => {
  for (const { file, find, replace } of edits) {
    const text = readFileSync(join(product, file), 'utf8');
    expect(text.split(find).length - 1, `${file}: ${find}`).toBe(1);
    expect(() => stripTypeScriptTypes(text.replace(find, () => replace))).not.toThrow();
  }
});
