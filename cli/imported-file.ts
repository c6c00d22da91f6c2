import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Document, type YAMLMap, YAMLSeq, isMap, isSeq, parseAllDocuments } from 'yaml';
import type { Adoption, AdoptedIgnore, AdoptedRoute } from '../reconciler/core/plan/adoption.ts';
import type { LeftAloneReason } from '../reconciler/core/memory/memory.ts';
import { type ActualTable, destinationText, targetText } from '../reconciler/core/route/route.ts';
import { Failure } from './failure.ts';
import { printable } from './printable.ts';

/** Long lines stay whole: a wrapped route is hard to read. */
const layout = { lineWidth: 0 } as const;

/** A table to write down, and the names of what its routes lead to. */
export interface Imported {
  readonly actual: ActualTable;
  readonly adoption: Adoption;
  readonly names: ReadonlyMap<string, string>;
}

/** The item that adopts a table, without its comments. */
export const itemOf = ({ actual, adoption: { routes, ignore } }: Imported): object => ({
  routeTableId: actual.routeTableId,
  mode: 'observe',
  routes: routes.map(routeOf),
  ...(ignore.length > 0 && { ignore }),
});

/** A file of tables, one YAML document for each. `folder` is where the file will be. */
export const fileOf = (tables: readonly Imported[], folder: string): string =>
  `${schemaLine(folder)}\n${tables.map(documentOf).join('---\n')}`;

/** The first line of a file: with it, editors check the file. */
const schemaLine = (folder: string): string => {
  const schema = fileURLToPath(new URL('../schema/desired-route-table.schema.json', import.meta.url));
  return `# yaml-language-server: $schema=${relative(folder, schema)}`;
};

function documentOf(table: Imported): string {
  const { actual, adoption, names } = table;
  const document = new Document(itemOf(table));
  if (!isMap(document.contents)) throw new TypeError('a document of an item is a map');
  const { contents } = document;
  const title = [actual.tags['Name'], actual.vpcId, names.get(actual.vpcId ?? '')].filter(Boolean).join(', ');
  if (title) contents.commentBefore = ` ${printable(title)}`;
  contents.set('routes', listOf(document, adoption.routes, names));
  if (adoption.ignore.length > 0) contents.set('ignore', ignoreListOf(document, adoption.ignore));
  if (adoption.leftAlone.length > 0) contents.comment = leftAloneText(adoption);
  return document.toString(layout);
}

const routeOf = ({ isBlackhole: _, ...route }: AdoptedRoute): object => route;

/** One line for each route, with the names of its target and prefix list. */
function listOf(document: Document, routes: readonly AdoptedRoute[], names: Imported['names']): YAMLSeq {
  const list = new YAMLSeq();
  for (const route of routes) {
    const node = document.createNode(routeOf(route), { flow: true });
    const known = [names.get(route.destination), names.get(route.target)].filter((name) => name !== undefined);
    const notes = [...known.map(printable), ...(route.isBlackhole ? ['drops its traffic: a blackhole'] : [])];
    if (notes.length > 0) node.comment = ` ${notes.join(', ')}`;
    list.add(node);
  }
  if (routes.length === 0) list.flow = true;
  return list;
}

function ignoreListOf(document: Document, entries: readonly AdoptedIgnore[]): YAMLSeq {
  const list = new YAMLSeq();
  for (const entry of entries) list.add(document.createNode(entry, { flow: true }));
  return list;
}

const maintainers: Partial<Record<LeftAloneReason, string>> = {
  local: 'the local route of the VPC',
  propagated: 'propagated by a gateway or a route server',
  advertised: 'advertised by a service',
  'gateway-endpoint': 'of a gateway endpoint',
  lattice: 'of VPC Lattice',
  unknown: 'of a kind that this version does not know',
};

const leftAloneText = ({ leftAlone }: Adoption): string =>
  [
    ' No item lists these routes: EC2 or a service maintains them.',
    ...leftAlone.map(
      ({ route, reason }) =>
        `   ${printable(destinationText(route.destination))} → ${printable(targetText(route.target))}: ${maintainers[reason] ?? reason}`,
    ),
  ].join('\n');

/** The tables in a file, for a merge. */
export interface MergedFile {
  /** Adds what a table has and its item in the file does not cover, or the whole table if the file has none. */
  add(table: Imported): void;
  toString(): string;
}

/**
 * A file to merge into. Comments, order and layout of what is there stay as they are.
 *
 * @throws Failure if the text is not valid YAML
 */
export function mergedFile(file: string, text: string): MergedFile {
  const documents = [...parseAllDocuments(text)];
  const wrong = documents.flatMap(({ errors }) => errors)[0];
  if (wrong) throw new Failure(`${file}: not valid YAML: ${wrong.message}`);
  const items = documents.flatMap((document) => {
    const { contents } = document;
    const nodes = isSeq(contents) ? contents.items : [contents];
    return nodes.filter((node) => isMap(node)).map((node) => ({ document, node }));
  });
  const added: Imported[] = [];
  const changed = new Set<Document>();
  return {
    add(table) {
      const item = items.find(({ node }) => idIn(node) === table.actual.routeTableId);
      if (!item) added.push(table);
      else if (extend(item.document, item.node, table)) changed.add(item.document);
    },
    toString: () => {
      const sources = documents.map(({ range }, index) => text.slice(documents[index - 1]?.range[2] ?? 0, range[2]));
      const kept = documents.map((document, index) =>
        changed.has(document) ? document.toString(layout) : (sources[index] ?? ''),
      );
      const before = kept.join('').trimEnd();
      return [...(before === '' ? [] : [`${before}\n`]), ...added.map(documentOf)].join('---\n');
    },
  };
}

const idIn = (item: YAMLMap): unknown => item.get('routeTableId');

/** Adds to an item what it does not cover. Returns whether there was anything. */
function extend(document: Document, item: YAMLMap, { adoption, names }: Imported): boolean {
  append(item, 'routes', listOf(document, adoption.routes, names));
  append(item, 'ignore', ignoreListOf(document, adoption.ignore));
  return adoption.routes.length + adoption.ignore.length > 0;
}

function append(item: YAMLMap, field: string, more: YAMLSeq): void {
  if (more.items.length === 0) return;
  const list = item.get(field, true);
  if (!isSeq(list)) {
    item.set(field, more);
    return;
  }
  if (list.items.length === 0) list.flow = false;
  for (const node of more.items) list.add(node);
}
