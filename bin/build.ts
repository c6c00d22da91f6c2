// Builds what the package contains, each with everything that it imports: `routectl` (dist/cli) and the construct for CDK
// apps (dist/infra) with its functions (dist/lambdas). `npm pack` runs this first.
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type InputOptions, type OutputChunk, type OutputOptions, type Plugin, rolldown } from 'rolldown';
import { buildFunctions } from '../infra/build.ts';
import { licencesOf, packageFolders, packagesIn } from '../infra/packages.ts';

const root = path.resolve(import.meta.dirname, '..');
const dist = path.join(root, 'dist');

/** Commander needs this module only for commands that are programs of their own, and it takes 2 ms to load. */
const withoutChildProcess: Plugin = {
  name: 'without-child-process',
  resolveId: (id, importer = '') =>
    id === 'node:child_process' && importer.includes('/node_modules/commander/') ? '\0nothing' : undefined,
  load: (id) => (id === '\0nothing' ? 'export default {}' : undefined),
};

/**
 * Builds the CLI into a folder. Commands, and the AWS SDK with them, stay in files of their own that are loaded on demand.
 * The built files look for the schema in `../schema`.
 */
export const buildCli = (to: string): Promise<void> =>
  buildCommonJs(
    to,
    {
      input: path.join(root, 'cli', 'main.ts'),
      plugins: [withoutChildProcess],
      // Lets the first file hold what commands share with it: a start reads one file less for each shared module.
      preserveEntrySignatures: false,
    },
    { minify: true },
  );

async function copySchema(): Promise<void> {
  const schema = path.join('schema', 'desired-route-table.schema.json');
  await mkdir(path.join(dist, 'schema'), { recursive: true });
  await copyFile(path.join(root, schema), path.join(dist, schema));
}

/** Builds the construct, its types and its functions. The app brings the CDK: a second one would not fit its own. */
async function buildConstruct(): Promise<void> {
  const to = path.join(dist, 'infra');
  await buildCommonJs(
    to,
    {
      input: path.join(root, 'infra', 'index.ts'),
      external: [/^aws-cdk-lib(\/|$)/, 'constructs'],
      // The built file looks for the functions from the folder of its source.
      transform: { define: { 'import.meta.dirname': 'require("node:path").join(__dirname, "../../infra")' } },
    },
    { codeSplitting: false },
  );
  await writeTypes('index', to);
  await buildFunctions(path.join(root, 'lambdas'), path.join(dist, 'lambdas'));
}

/** Bundles for Node into `to`, which is emptied first, with the licenses of all packages in the bundle beside it. */
async function buildCommonJs(to: string, input: InputOptions, options: OutputOptions): Promise<void> {
  const build = await rolldown({ platform: 'node', resolve: { mainFields: ['module', 'main'] }, ...input });
  await rm(to, { recursive: true, force: true });
  const { output } = await build.write({
    dir: to,
    // Every app can load CommonJS, and Node loads it faster than ES modules.
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name].cjs',
    ...options,
  });
  await build.close();
  const modules = output.filter((part): part is OutputChunk => part.type === 'chunk').flatMap((part) => part.moduleIds);
  await writeFile(path.join(to, 'licenses.txt'), licencesOf(await packagesIn(packageFolders(modules))));
}

/** Writes the types of `infra/<name>.ts`, and of each file in `infra` that they name, as types of CommonJS modules. */
async function writeTypes(name: string, to: string): Promise<void> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'route-reconciler-types-'));
  try {
    const tsc = path.join(root, 'node_modules', '.bin', 'tsc');
    const emit = [
      '--noEmit',
      'false',
      '--declaration',
      '--emitDeclarationOnly',
      '--rootDir',
      root,
      '--outDir',
      scratch,
    ];
    await promisify(execFile)(tsc, ['--project', path.join(root, 'tsconfig.build.json'), ...emit]);
    const names = new Set([name]);
    // A set that grows while it is iterated: the types of an imported file may import others.
    for (const each of names) {
      const types = await readFile(path.join(scratch, 'infra', `${each}.d.ts`), 'utf8');
      const renamed = types.replaceAll(/'\.\/([\w-]+)\.ts'/g, (_, imported: string) => {
        names.add(imported);
        return `'./${imported}.cjs'`;
      });
      await writeFile(path.join(to, `${each}.d.cts`), renamed);
    }
  } finally {
    await rm(scratch, { recursive: true });
  }
}

if (import.meta.main) await Promise.all([buildCli(path.join(dist, 'cli')), copySchema(), buildConstruct()]);
