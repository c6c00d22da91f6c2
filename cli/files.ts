import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import {
  type Document,
  LineCounter,
  type Node,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseAllDocuments,
} from 'yaml';
import { pathText } from '../reconciler/core/desired/problem.ts';
import { Failure } from './failure.ts';

/** A place in a file. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export const placeText = ({ file, line, column }: Place): string => `${file}:${line}:${column}`;

/** One table's item as written in a file, not validated. */
export interface Entry {
  readonly item: unknown;
  /** The place of the value at a path such as `routes[2].target`; if there is none, of the nearest enclosing value. */
  readonly placeOf: (path: string) => Place;
}

/**
 * The text of a file, or of standard input for `-`.
 *
 * @throws Failure
 */
export async function readText(file: string): Promise<string> {
  if (file === '') throw new Failure('the name of a file is empty: give a file, or - for standard input');
  if (file === '-' && process.stdin.readableEnded)
    throw new Failure('standard input can be read only once: give "-" for one file');
  const bytes = await (file === '-' ? buffer(process.stdin) : readFile(file)).catch((error: unknown) => {
    throw new Failure(`${nameOf(file)}: ${whyUnreadable(error)}`, { cause: error });
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Failure(`${nameOf(file)}: this is not UTF-8 text; save the file as UTF-8`, { cause: error });
  }
}

/** The name of a file for messages. */
export const nameOf = (file: string): string => (file === '-' ? 'standard input' : file);

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'this is a directory; pass the files in it';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied; check the permissions of the file';
  return error instanceof Error ? error.message : String(error);
}

/**
 * The tables in a YAML or JSON file: one table, a list, or one table per `---` document.
 *
 * @param ifEmpty what is wrong with a file without any
 * @throws Failure if the text is not valid YAML or contains no table
 */
export function entriesOf(file: string, text: string, ifEmpty = 'the file contains no route table'): Entry[] {
  const name = nameOf(file);
  const lineCounter = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lineCounter.linePos(offset);
    return { file: name, line, column: col };
  };
  try {
    const documents = [...parseAllDocuments(text, { lineCounter, prettyErrors: false, logLevel: 'error' })];
    const entries = documents.flatMap((document) => {
      // For an unknown tag, such as !Ref, the library only warns and drops the tag. Treat warnings as errors.
      const [wrong] = [...document.errors, ...document.warnings];
      if (wrong) throw new Failure(`${placeText(placeAt(wrong.pos[0]))}: not valid YAML: ${wrong.message}`);
      return entriesIn(document, placeAt);
    });
    if (entries.length === 0) throw new Failure(`${name}: ${ifEmpty}`);
    return entries;
  } catch (error) {
    // An unresolved alias, or too many aliases.
    if (error instanceof ReferenceError) throw new Failure(`${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Allows many tables to share one list of routes by alias, but prevents a few lines from expanding into gigabytes. */
const aliasesAtMost = 10_000;

function entriesIn(document: Document.Parsed, placeAt: (offset: number) => Place): Entry[] {
  const { contents } = document;
  const value: unknown = document.toJS({ maxAliasCount: aliasesAtMost });
  if (value === null) return [];
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const nodes: readonly unknown[] = isSeq(contents) ? contents.items : [contents];
  return items.map((item, index) => {
    const node = nodes[index];
    let offsets: Map<string, number> | undefined;
    const placeOf = (path: string): Place => {
      offsets ??= new Map(offsetsIn(node, document));
      return placeAt(nearest(path, offsets));
    };
    return { item, placeOf };
  });
}

/**
 * No field of an item is nested deeper than `routes[2].target`. The limit also stops at an anchor that contains itself.
 */
const deepest = 3;

/** The path of every value in a node, spelled as in problems, and the offset where the value begins. */
function* offsetsIn(
  node: unknown,
  document: Document.Parsed,
  path: readonly PropertyKey[] = [],
): Generator<[path: string, offset: number], undefined> {
  if (!isNode(node)) return undefined;
  yield [pathText(path), startOf(node)];
  if (path.length === deepest) return undefined;
  const written = isAlias(node) ? node.resolve(document) : node;
  if (isSeq(written)) {
    for (const [index, element] of written.items.entries()) yield* offsetsIn(element, document, [...path, index]);
  } else if (isMap(written)) {
    for (const { key, value } of written.items) {
      if (!isScalar(key)) continue;
      const inner = [...path, String(key.value)];
      yield* offsetsIn(value, document, inner);
      // The content of a collection begins on a later line, so use the place of its key.
      if (!isScalar(value)) yield [pathText(inner), startOf(key)];
    }
  }
  return undefined;
}

const startOf = (node: Node): number => node.range?.[0] ?? 0;

/** The offset of the value at a path; if there is none, of the nearest enclosing value. */
function nearest(path: string, offsets: ReadonlyMap<string, number>): number {
  const offset = offsets.get(path);
  if (offset !== undefined || path === '') return offset ?? 0;
  return nearest(path.slice(0, Math.max(path.lastIndexOf('.'), path.lastIndexOf('['), 0)), offsets);
}
