import { readFileSync, readdirSync } from 'node:fs';
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

describe('every routectl command in docs and messages', () => {
  const root = join(import.meta.dirname, '..', '..');
  const places = [
    'README.md',
    'CHANGELOG.md',
    ...readdirSync(join(root, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join('docs', name)),
    'reconciler/core/announce/messages.ts',
    'infra/alarms.ts',
  ];

  it.each(places)('exists: %s', async (place) => {
    const named = [...readFileSync(join(root, place), 'utf8').matchAll(/npx routectl ([a-z]+)/g)].map(
      ([, name = '']) => name,
    );
    const { stdout } = await routectl(['--help'], { offline: true });
    const commands = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
    expect(commands).toContain('report');
    expect(named.filter((name) => !commands.includes(name))).toEqual([]);
  });
});
