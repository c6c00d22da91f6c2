import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { rolldown } from 'rolldown';

/** Modules that are bundled into each function but are not functions themselves. */
const sharedModules = new Set(['runtime.ts']);

/**
 * Bundles every function: `<from>/<name>.ts` becomes `<to>/<name>/index.mjs`, with its source map beside it.
 *
 * The bundle contains everything, including the AWS SDK, so a deployed function runs the versions that were tested.
 * Equal sources give equal files. Each file is replaced atomically, so others may read `to` at the same time.
 *
 * @returns the size of each bundle in bytes, by function name
 */
export async function buildFunctions(from: string, to: string): Promise<Map<string, number>> {
  const names = (await readdir(from))
    .filter((file) => file.endsWith('.ts') && !sharedModules.has(file))
    .map((file) => path.basename(file, '.ts'))
    .sort();

  await mkdir(to, { recursive: true });
  for (const stale of await readdir(to))
    if (!names.includes(stale)) await rm(path.join(to, stale), { recursive: true });

  const sizes = new Map<string, number>();
  for (const name of names) {
    const directory = path.join(to, name);
    await mkdir(directory, { recursive: true });
    for (const { fileName, content } of await bundle(
      path.join(from, `${name}.ts`),
      path.join(directory, 'index.mjs'),
    )) {
      // Write the draft outside the function's directory: another deployment may be packing that directory now.
      const draft = `${to}.${process.pid}`;
      await writeFile(draft, content);
      await rename(draft, path.join(directory, fileName));
      if (fileName === 'index.mjs') sizes.set(name, Buffer.byteLength(content));
    }
  }
  return sizes;
}

async function bundle(input: string, file: string) {
  const build = await rolldown({
    input,
    platform: 'node',
    // Use the packages' ES modules: CommonJS builds cannot be tree-shaken and are three times as large.
    resolve: { mainFields: ['module', 'main'] },
  });
  try {
    const { output } = await build.generate({
      file,
      format: 'esm',
      minify: true,
      codeSplitting: false,
      sourcemap: true,
    });
    return output.map((part) => ({
      fileName: part.fileName,
      content: part.type === 'chunk' ? part.code : part.source,
    }));
  } finally {
    await build.close();
  }
}

if (import.meta.main) {
  const root = path.resolve(import.meta.dirname, '..');
  const sizes = await buildFunctions(path.join(root, 'lambdas'), path.join(root, 'dist', 'lambdas'));
  // Print to stderr: `cdk synth` runs this first, and its stdout is the template.
  for (const [name, bytes] of sizes) console.error(`${name.padEnd(20)} ${(bytes / 1024).toFixed(0).padStart(5)} KiB`);
}
