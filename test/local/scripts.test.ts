import { expect, it } from 'vitest';
import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };

const scripts = Object.entries(z.record(z.string(), z.string()).parse(packageJson.scripts));
const settingUp = scripts.filter(([name, script]) => name !== 'setup' && script.startsWith('node setup.mjs'));

// npm passes signals on to the shell that runs the script. Only with `exec` does the program take the place of that shell.
// `env` finds the Node that the set-up has just installed; the shell remembers the Node that ran the set-up.
it.each(settingUp)('npm run %s ends with the program itself, so that kill and Ctrl-C stop all of it', (_, script) => {
  expect(script).toMatch(/ && exec env node [\w/.-]+\.ts$/);
});

it('every program that needs the set-up has such a script', () => {
  expect(settingUp.map(([name]) => name).toSorted()).toEqual([
    ...'bench demo local profile recordings release screenshots'.split(' '),
    ...'simulate simulate:mutants test walk:permissions'.split(' '),
  ]);
});
