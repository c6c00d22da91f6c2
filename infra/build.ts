import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { rolldown } from 'rolldown';
import { packageFolders } from './packages.ts';

/** Modules that are bundled into each function but are not functions themselves. */
const sharedModules = new Set(['runtime.ts']);

/** What one bundle contains. */
export interface Bundle {
  readonly bytes: number;
  /** The folders of the npm packages in it, sorted. */
  readonly packages: readonly string[];
}

/**
 * Bundles every function: `<from>/<name>.ts` becomes `<to>/<name>/index.mjs`, with its source map beside it.
 *
 * The bundle contains everything, including the AWS SDK, so a deployed function runs the versions that were tested.
 * Equal sources give equal files. Each file is replaced atomically, so others may read `to` at the same time.
 *
 * @returns what each bundle contains, by function name
 */
export async function buildFunctions(from: string, to: string): Promise<Map<string, Bundle>> {
  const names = (await readdir(from))
    .filter((file) => file.endsWith('.ts') && !sharedModules.has(file))
    .map((file) => path.basename(file, '.ts'))
    .sort();

  await mkdir(to, { recursive: true });
  for (const stale of await readdir(to))
    if (!names.includes(stale)) await rm(path.join(to, stale), { recursive: true });

  const bundles = new Map<string, Bundle>();
  for (const name of names) {
    const directory = path.join(to, name);
    await mkdir(directory, { recursive: true });
    const { files, packages } = await bundle(path.join(from, `${name}.ts`), path.join(directory, 'index.mjs'));
    for (const { fileName, content } of files) {
      // Write the draft outside the function's directory: another deployment may be packing that directory now.
      const draft = `${to}.${process.pid}`;
      await writeFile(draft, content);
      await rename(draft, path.join(directory, fileName));
      if (fileName === 'index.mjs') bundles.set(name, { bytes: Buffer.byteLength(content), packages });
    }
  }
  return bundles;
}

async function bundle(input: string, file: string) {
  const build = await rolldown({
    input,
    platform: 'node',
    resolve: {
      // Use the packages' ES modules: CommonJS builds cannot be tree-shaken and are three times as large.
      mainFields: ['module', 'main'],
      alias: {
        '@aws-sdk/credential-provider-node': path.join(import.meta.dirname, 'lambda-credentials.ts'),
        '@smithy/core/event-streams': path.join(import.meta.dirname, 'lambda-event-streams.ts'),
      },
    },
  });
  try {
    const { output } = await build.generate({
      file,
      format: 'esm',
      minify: true,
      codeSplitting: false,
      sourcemap: true,
      // A stack trace needs names and lines only. With the sources, a map would be three times as large.
      sourcemapExcludeSources: true,
    });
    const modules = output.flatMap((part) => (part.type === 'chunk' ? Object.entries(part.modules) : []));
    const used = modules.filter(([, { renderedLength }]) => renderedLength > 0).map(([id]) => id);
    return {
      files: output.map((part) => ({
        fileName: part.fileName,
        content: part.type === 'chunk' ? part.code : part.source,
      })),
      packages: packageFolders(used),
    };
  } finally {
    await build.close();
  }
}

if (import.meta.main) {
  const root = path.resolve(import.meta.dirname, '..');
  const bundles = await buildFunctions(path.join(root, 'lambdas'), path.join(root, 'dist', 'lambdas'));
  // Print to stderr: `cdk synth` runs this first, and its stdout is the template.
  for (const [name, { bytes }] of bundles)
    console.error(`${name.padEnd(20)} ${(bytes / 1024).toFixed(0).padStart(5)} KiB`);
}
