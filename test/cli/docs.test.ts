import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { routectl } from '../support/routectl.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'cli.md'), 'utf8');
const examples = [...page.matchAll(/```console\n\$ npx routectl (.+)\n([^]*?)```/g)].map(
  ([, command = '', output = '']) => ({ command, output }),
);

describe('docs/cli.md', () => {
  it('has examples', () => {
    expect(examples.length).toBeGreaterThan(2);
  });

  it.each(examples)('shows what routectl $command prints', async ({ command, output }) => {
    const { stdout } = await routectl(command.split(' '), { offline: true });
    expect(stdout).toBe(output);
  });
});
