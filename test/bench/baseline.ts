import { readFile, writeFile } from 'node:fs/promises';
import type { Figure } from './figures.ts';

const file = new URL('baseline.json', import.meta.url);

/** A figure may grow by this part before it counts as worse: the order of calls at the same instant may change. */
const tolerance = 0.05;

/** Which figures are worse than when they were committed. With `--baseline`, commits them anew instead. */
export async function worseThan(figures: readonly Figure[]): Promise<readonly string[]> {
  if (process.argv.includes('--baseline')) {
    const values = Object.fromEntries(keyed(figures).map(([key, { value }]) => [key, value]));
    await writeFile(file, `${JSON.stringify(values, undefined, 2)}\n`);
    return [];
  }
  const before: Record<string, number> = JSON.parse(await readFile(file, 'utf8'));
  return keyed(figures).flatMap(([key, { value, unit }]) => {
    const was = before[key];
    return was !== undefined && value > was * (1 + tolerance) ? `${key}: ${value} ${unit}, was ${was}` : [];
  });
}

/** Figures with unique names: an indented one belongs to the one above it. */
function keyed(figures: readonly Figure[]): readonly (readonly [key: string, figure: Figure])[] {
  let above = '';
  return figures.map((figure) => {
    const { name } = figure;
    if (!name.startsWith(' ')) above = name.replace(/: .*/, '');
    return [name.startsWith(' ') ? `${above}: ${name.trim()}` : name, figure];
  });
}
