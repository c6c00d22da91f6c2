import { type styleText, stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';

export type Format = Parameters<typeof styleText>[0];

/** How to show text: with or without colour, and in how many columns if the width is known. */
export interface Look {
  readonly paint: (format: Format, text: string) => string;
  readonly width?: number;
}

/** `2 in sync, 1 blocked`: each distinct word and its count, in order of first appearance. */
export const tally = (words: readonly string[]): string =>
  [...Map.groupBy(words, (word) => word)].map(([word, some]) => `${some.length} ${word}`).join(', ');

/** Joins groups of lines with an empty line between them. */
export const sections = (...parts: readonly (readonly string[])[]): string =>
  parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');

/** Stacks texts. Texts of several lines get an empty line before and after. */
export const stacked = (texts: readonly string[]): string =>
  texts
    .map((text, index) => {
      const before = texts[index - 1];
      return before !== undefined && [before, text].some((each) => each.includes('\n')) ? `\n${text}` : text;
    })
    .join('\n');

const noBorders = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid', 'middle']
    .flatMap((side) => [side, `${side}-left`, `${side}-mid`, `${side}-right`])
    .map((part) => [part, '']),
);

const indent = '  ';
const gap = 2;
const narrowest = 40;

/** Rows as indented lines of aligned columns. With a width, the last column wraps. Nothing is truncated. */
export function columns(rows: readonly (readonly string[])[], width?: number): string[] {
  const [first] = rows;
  if (!first) return [];
  const before = first
    .slice(0, -1)
    .map((_, column) => Math.max(...rows.map((row) => visible(row[column] ?? ''))) + gap);
  const left = before.reduce((sum, each) => sum + each, indent.length);
  const longestWord = Math.max(...rows.flatMap((row) => (row.at(-1) ?? '').split(' ').map(visible)));
  const last = width === undefined ? undefined : Math.max(width - left, longestWord, narrowest) + gap;
  const table = new Table({
    chars: noBorders,
    style: { 'padding-left': 0, 'padding-right': gap },
    wordWrap: true,
    ...(last !== undefined && { colWidths: [...before, last] }),
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => `${indent}${line}`.trimEnd());
}

const visible = (text: string): number => stripVTControlCharacters(text).length;
