import { execFileSync, spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { fileWith, routectl } from '../support/routectl.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
const scripts = new Map<string, string>();
const help = new Map<string, string>();

beforeAll(async () => {
  for (const shell of shells) scripts.set(shell, (await routectl(['completion', shell], { offline: true })).stdout);
  const { stdout } = await routectl(['--help'], { offline: true });
  const names = [...stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name = '']) => name);
  for (const name of names) help.set(name, (await routectl([name, '--help'], { offline: true })).stdout);
});

/** What bash offers for a line that ends at the cursor. */
function offered(line: string): readonly string[] {
  const asked = `
    source ${fileWith(scripts.get('bash') ?? '', 'routectl.bash')}
    COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
    COMP_WORDS=(${line.replaceAll('=', ' = ')}${line.endsWith(' ') || line.endsWith('=') ? ' ""' : ''})
    COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
    _routectl
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-euc', asked], { encoding: 'utf8' }).split('\n').filter(Boolean);
}

describe('routectl completion bash', () => {
  it.each([
    ['routectl pl', ['plan']],
    ['routectl re', ['reconcile', 'resume', 'report']],
    ['routectl plan --im', ['--impact']],
    ['routectl plan -f routes.yaml --out', ['--output']],
    ['routectl plan --output ', ['text', 'json', 'markdown']],
    ['routectl plan -o mark', ['markdown']],
    ['routectl plan --output=j', ['json']],
    ['routectl plan --output=', ['text', 'json', 'markdown']],
    ['routectl completion ', ['bash', 'zsh', 'fish']],
    ['routectl status --sort ', ['urgency', 'id', 'name', 'drift']],
    ['routectl hold rtb-0a1b2c3d 10.0.0.0/8 --e', ['--end']],
    ['routectl --ver', ['--version']],
    ['routectl nothing --', []],
  ])('completes %s', (line, words) => {
    expect(offered(line)).toEqual(words);
  });

  it.each(['routectl plan -f ', 'routectl plan -f a.yaml ', 'routectl report --html ', 'routectl status rtb-'])(
    'leaves %s to the file names of bash',
    (line) => {
      expect(offered(line)).toEqual([]);
      expect(scripts.get('bash')).toContain('complete -o default -F _routectl routectl');
    },
  );

  it('offers all commands, and of each command all options of its help', () => {
    expect(offered('routectl ').toSorted()).toEqual([...help.keys()].toSorted());
    for (const [name, text] of help) {
      const options = [...text.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option = '']) => option);
      expect(options).toContain('--help');
      expect(offered(`routectl ${name} --`).toSorted()).toEqual(options.toSorted());
    }
  });
});

describe.each(shells)('routectl completion %s', (shell) => {
  it('names every command with its summary', () => {
    for (const name of help.keys()) expect(scripts.get(shell)).toMatch(new RegExp(`\\b${name}\\b`));
    if (shell !== 'bash') expect(scripts.get(shell)).toContain('show what would be changed');
  });

  it.skipIf(spawnSync(shell, ['--version']).error !== undefined)('is valid for that shell', () => {
    const file = fileWith(scripts.get(shell) ?? '', 'script');
    expect(spawnSync(shell, ['-n', file], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('routectl completion', () => {
  it('names the shells that it knows', async () => {
    const { code, stderr } = await routectl(['completion', 'tcsh'], { offline: true });
    expect(code).toBe(1);
    expect(stderr).toContain('Allowed choices are bash, zsh, fish');
  });
});
