import { readFile, writeFile } from 'node:fs/promises';
import type { Figure } from './figure.ts';

const file = new URL('baseline.json', import.meta.url);

/** A figure may grow by this part before it counts as worse: the order of calls at the same instant may change. */
const tolerance = 0.05;

/**
 * What got worse: a count that has grown since it was committed, or a figure that misses its reach and did not. A figure
 * that is committed as missed stays missed until it gets worse. With `--baseline`, commits all figures anew instead.
 */
export async function worseThan(figures: readonly Figure[]): Promise<readonly string[]> {
  if (process.argv.includes('--baseline')) {
    // Of the figures that come from a clock, only those that miss their reach: they do not count as worse next time.
    const kept = keyed(figures).filter(([, { timed, ok }]) => !timed || !ok);
    const values = Object.fromEntries(kept.map(([key, { value }]) => [key, value]));
    await writeFile(file, `${JSON.stringify(values, undefined, 2)}\n`);
    return [];
  }
  const before: Record<string, number> = JSON.parse(await readFile(file, 'utf8'));
  return keyed(figures).flatMap(([key, { value, unit, reach, ok, timed }]) => {
    const was = before[key];
    if (was !== undefined && !timed && value > was * (1 + tolerance)) return `${key}: ${value} ${unit}, was ${was}`;
    const isKnown = was !== undefined && was > reach;
    return ok || isKnown ? [] : `${key}: ${value} ${unit} misses its reach of ${reach}`;
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
