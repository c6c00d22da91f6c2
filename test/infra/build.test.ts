import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildFunctions } from '../../infra/build.ts';

describe('buildFunctions', () => {
  let from: string;
  let to: string;
  beforeEach(async () => {
    from = await mkdtemp(path.join(tmpdir(), 'route-reconciler-build-'));
    to = path.join(from, 'dist');
    await writeFile(path.join(from, 'runtime.ts'), `export const table: string = 'rtb-1';`);
    await writeFile(
      path.join(from, 'sweep.ts'),
      `import { table } from './runtime.ts';\nexport const handler = async () => table;`,
    );
  });
  afterEach(() => rm(from, { recursive: true }));

  it('bundles each function with its shared modules and a source map into its own directory', async () => {
    const bundles = await buildFunctions(from, to);
    const bundle = path.join(to, 'sweep', 'index.mjs');
    const { handler }: { handler: () => Promise<string> } = await import(pathToFileURL(bundle).href);

    expect((await readdir(to, { recursive: true })).sort()).toEqual([
      'sweep',
      'sweep/index.mjs',
      'sweep/index.mjs.map',
    ]);
    await expect(handler()).resolves.toBe('rtb-1');
    expect([...bundles]).toEqual([['sweep', { bytes: (await readFile(bundle)).byteLength, packages: [] }]]);
    expect(JSON.parse(await readFile(`${bundle}.map`, 'utf8'))).toMatchObject({
      sources: ['../../runtime.ts', '../../sweep.ts'],
    });
  });

  it('removes functions that no longer exist', async () => {
    await buildFunctions(from, to);
    await rm(path.join(from, 'sweep.ts'));
    await buildFunctions(from, to);
    expect(await readdir(to)).toEqual([]);
  });

  it('produces equal files from equal sources', async () => {
    await buildFunctions(from, to);
    const before = await readFile(path.join(to, 'sweep', 'index.mjs.map'));
    await buildFunctions(from, to);
    expect(await readFile(path.join(to, 'sweep', 'index.mjs.map'))).toEqual(before);
  });
});
