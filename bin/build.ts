// Builds `routectl` for its package: dist/cli holds the CLI with everything that it imports, so the package depends on
// nothing. `npm pack` runs this first.
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type OutputChunk, type Plugin, rolldown } from 'rolldown';
import { licencesOf, packageFolders, packagesIn } from '../infra/packages.ts';

const root = path.resolve(import.meta.dirname, '..');

/**
 * Builds the CLI into a folder. The built files look for the schema in `../schema`.
 *
 * Commands, and the AWS SDK with them, stay in files of their own that are loaded on demand. The licenses of all packages
 * in them lie beside them.
 */
export async function buildCli(to: string): Promise<void> {
  const build = await rolldown({
    input: path.join(root, 'cli', 'main.ts'),
    platform: 'node',
    resolve: { mainFields: ['module', 'main'] },
    plugins: [withoutChildProcess],
    // Lets the first file hold what commands share with it: a start reads one file less for each shared module.
    preserveEntrySignatures: false,
  });
  await rm(to, { recursive: true, force: true });
  const { output } = await build.write({
    dir: to,
    // Node loads CommonJS faster than ES modules.
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name].cjs',
    minify: true,
  });
  await build.close();

  const modules = output.filter((part): part is OutputChunk => part.type === 'chunk').flatMap((part) => part.moduleIds);
  await writeFile(path.join(to, 'licenses.txt'), licencesOf(await packagesIn(packageFolders(modules))));
}

/** Commander needs this module only for commands that are programs of their own, and it takes 2 ms to load. */
const withoutChildProcess: Plugin = {
  name: 'without-child-process',
  resolveId: (id, importer = '') =>
    id === 'node:child_process' && importer.includes('/node_modules/commander/') ? '\0nothing' : undefined,
  load: (id) => (id === '\0nothing' ? 'export default {}' : undefined),
};

if (import.meta.main) {
  await buildCli(path.join(root, 'dist', 'cli'));
  const schema = path.join('schema', 'desired-route-table.schema.json');
  await mkdir(path.join(root, 'dist', 'schema'), { recursive: true });
  await copyFile(path.join(root, schema), path.join(root, 'dist', schema));
}
