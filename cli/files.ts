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
import { pathText } from '../reconciler/core/problem.ts';
import { Failure } from './failure.ts';

/** Where something stands in a file. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export const placeText = ({ file, line, column }: Place): string => `${file}:${line}:${column}`;

/** One table's item as it is written in a file; nothing in it is checked. */
export interface Entry {
  readonly item: unknown;
  /** Where the value at a path such as `routes[2].target` stands, or else what is nearest around it. */
  readonly placeOf: (path: string) => Place;
}

/**
 * The text of a file, or of standard input for `-`.
 *
 * @throws Failure
 */
export async function readText(file: string): Promise<string> {
  const bytes = await (file === '-' ? buffer(process.stdin) : readFile(file)).catch((error: unknown) => {
    throw new Failure(`${nameOf(file)}: ${whyUnreadable(error)}`, { cause: error });
  });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Failure(`${nameOf(file)}: this is not text in UTF-8, save it in that encoding`, { cause: error });
  }
}

/** What a person calls a file of the command line. */
export const nameOf = (file: string): string => (file === '-' ? 'standard input' : file);

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'this is a directory, give the files in it';
  if (code === 'EACCES' || code === 'EPERM') return 'this file may not be read, check its permissions';
  return error instanceof Error ? error.message : String(error);
}

/**
 * The tables that a YAML or JSON file speaks of: one, a list, or one for each `---` document.
 *
 * @throws Failure when the text cannot be read as YAML, or holds no table at all
 */
export function entriesOf(file: string, text: string): Entry[] {
  const name = nameOf(file);
  const lineCounter = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lineCounter.linePos(offset);
    return { file: name, line, column: col };
  };
  try {
    const documents = [...parseAllDocuments(text, { lineCounter, prettyErrors: false, logLevel: 'error' })];
    const entries = documents.flatMap((document) => {
      // A tag we do not know, such as !Ref, is but a warning to the library: the value would be taken without it.
      const [wrong] = [...document.errors, ...document.warnings];
      if (wrong) throw new Failure(`${placeText(placeAt(wrong.pos[0]))}: not valid YAML: ${wrong.message}`);
      return entriesIn(document, placeAt);
    });
    if (entries.length === 0) throw new Failure(`${name}: there is no route table in it`);
    return entries;
  } catch (error) {
    // An alias of nothing, or too many of them.
    if (error instanceof ReferenceError) throw new Failure(`${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Many tables may share one list of routes by an alias, but a few lines must not unfold into gigabytes. */
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

/** No field of an item lies deeper than `routes[2].target`; a bound also for an anchor that contains itself. */
const deepest = 3;

/** The path of every value in a node, as problems spell it, and where the value begins. */
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
      // What a collection holds begins on another line; its name says better where it is.
      if (!isScalar(value)) yield [pathText(inner), startOf(key)];
    }
  }
  return undefined;
}

const startOf = (node: Node): number => node.range?.[0] ?? 0;

/** The offset at a path or, where nothing is written there, of what it would be a part of. */
function nearest(path: string, offsets: ReadonlyMap<string, number>): number {
  const offset = offsets.get(path);
  if (offset !== undefined || path === '') return offset ?? 0;
  return nearest(path.slice(0, Math.max(path.lastIndexOf('.'), path.lastIndexOf('['), 0)), offsets);
}
