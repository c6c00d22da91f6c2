import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

/** An npm package whose code is in a bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** The text of its licence or, if it has no file with it, the name. */
  readonly licence: string;
}

const manifest = z.object({ name: z.string(), version: z.string(), license: z.string() });

/** The folders of the npm packages that these modules belong to, sorted. */
export const packageFolders = (modules: readonly string[]): readonly string[] =>
  [...new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []))].sort();

/** Reads the packages in these folders. A package that is in several folders is there once. */
export async function packagesIn(folders: Iterable<string>): Promise<readonly BundledPackage[]> {
  const packages = await Promise.all([...new Set(folders)].sort().map(packageIn));
  return [...new Map(packages.map((one) => [`${one.name}@${one.version}`, one])).values()];
}

async function packageIn(folder: string): Promise<BundledPackage> {
  const { name, version, license } = manifest.parse(
    JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')),
  );
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? `License: ${license}` : await readFile(path.join(folder, file), 'utf8');
  return { name, version, licence: text.trim() };
}

/** All packages with their licences. Equal licences are printed once. */
export function licencesOf(packages: readonly BundledPackage[]): string {
  const byText = Map.groupBy(packages, ({ licence }) => licence);
  const sections = [...byText].map(([text, same]) =>
    [...same.map(({ name, version }) => `${name} ${version}`), '', text].join('\n'),
  );
  return `${sections.join('\n\n\n')}\n`;
}
