import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { DesiredTable } from '../reconciler/core/desired/desired.ts';
import { adoptionOf } from '../reconciler/core/plan/adoption.ts';
import { counted } from '../reconciler/core/route/counted.ts';
import { type ActualTable, sortedBy } from '../reconciler/core/route/route.ts';
import type { Search, TableSearch } from '../reconciler/aws/ec2/table-search.ts';
import { noSuchTable, tablesInAnswer } from './actual-tables.ts';
import { type AwsOptions, enterAws } from './caller.ts';
import { readDesired } from './desired-input.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { Failure, failedCall } from './failure.ts';
import { readText } from './files.ts';
import { type Imported, fileOf, itemOf, mergedFile } from './imported-file.ts';
import { idsChecked } from './pause.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

export interface ImportOptions extends AwsOptions {
  readonly vpc?: readonly string[];
  /** Conditions of the form `key=value`. */
  readonly tag?: readonly string[];
  readonly all?: boolean;
  /** A file with a saved answer, to import instead of EC2. */
  readonly actual?: string;
  /** A folder that gets one file for each table. */
  readonly outDir?: string;
  /** An existing file to merge into. */
  readonly file?: string;
  readonly json?: boolean;
}

/** `routectl import`: writes the routes of tables down as items in mode `observe`. Changes nothing in AWS. */
export async function importTables(
  ids: readonly string[],
  options: ImportOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const search = searchOf(idsChecked(ids), options);
  const now = new Date();
  const known = options.file === undefined ? [] : await itemsIn(options.file, now);
  const { tables, names } =
    options.actual === undefined ? await inEc2(search, options, terminal) : await saved(search, options.actual);
  const itemFor = new Map(known.map((item) => [item.routeTableId, item]));
  const imported = tables.map((actual): Imported => ({
    actual,
    adoption: adoptionOf(actual, now, itemFor.get(actual.routeTableId)),
    names,
  }));
  await write(imported, options, terminal);
  const listed = imported.reduce((sum, { adoption }) => sum + adoption.routes.length, 0);
  const ignored = imported.reduce((sum, { adoption }) => sum + adoption.ignore.length, 0);
  terminal.note(`${counted(imported.length, 'table')}; routes listed: ${listed}, entries in ignore: ${ignored}`);
  return exitCode.ok;
}

/** @throws Failure unless exactly one of the ways to name tables is used */
function searchOf(ids: readonly string[], { vpc = [], tag = [], all = false, outDir, file }: ImportOptions): Search {
  const isNarrow = ids.length > 0 || vpc.length > 0 || tag.length > 0;
  if (isNarrow === all)
    throw new Failure('name the tables to import: their ids, --vpc vpc-…, --tag key=value, or --all for all tables');
  if (outDir !== undefined && file !== undefined) throw new Failure('give --out-dir or --file, not both');
  return { ...(ids.length > 0 && { ids }), vpcIds: vpc, tags: tag.map(tagOf) };
}

function tagOf(text: string): { readonly key: string; readonly value: string } {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new Failure(`--tag ${text}: expected key=value`);
  return { key, value };
}

/** @throws Failure if the file has an item that is not valid: nothing can be merged into it */
async function itemsIn(file: string, now: Date): Promise<readonly DesiredTable[]> {
  const inputs = await readDesired([file], now);
  return inputs.map((input) => {
    if (input.ok) return input.desired;
    throw new Failure(`${file}: ${input.routeTableId ?? 'an item'} is invalid: run "routectl validate -f ${file}"`);
  });
}

// ── what to import ──────────────────────────────────────────────────────────────────────────────────────────────────

interface Found {
  readonly tables: readonly ActualTable[];
  readonly names: Imported['names'];
}

async function saved(search: Search, file: string): Promise<Found> {
  const tables = [...(await tablesInAnswer(file)).values()].filter(
    ({ routeTableId, vpcId = '', tags }) =>
      (search.ids?.includes(routeTableId) ?? true) &&
      (!search.vpcIds?.length || search.vpcIds.includes(vpcId)) &&
      (search.tags ?? []).every(({ key, value }) => tags[key] === value),
  );
  return { tables: allOf(search, inOrder(tables)), names: new Map() };
}

/** The tables in EC2 that are ours to manage. The others are named on stderr. */
async function inEc2(search: Search, options: AwsOptions, { note }: Terminal): Promise<Found> {
  const { account: owner } = await enterAws(options, { note });
  const { ec2TableSearch } = await import('../reconciler/aws/ec2/table-search.ts');
  const ec2 = ec2TableSearch();
  const found = await foundBy(ec2, search);
  const ofServices = await tablesOfServices(ec2, note);
  const whySkipped = ({ routeTableId, ownerId }: ActualTable): string | undefined => {
    if (owner !== undefined && ownerId !== undefined && ownerId !== owner) return `it belongs to account ${ownerId}`;
    return ofServices.has(routeTableId) ? 'a regional NAT gateway keeps it' : undefined;
  };
  const tables = found.filter((table) => {
    const reason = whySkipped(table);
    if (reason !== undefined) note(printable(`skipped ${table.routeTableId}: ${reason}`));
    return reason === undefined;
  });
  return { tables, names: await namesIn(ec2, tables, note) };
}

async function foundBy(ec2: TableSearch, search: Search): Promise<readonly ActualTable[]> {
  const tables: ActualTable[] = [];
  try {
    for await (const table of ec2.tables(search)) tables.push(table);
  } catch (error) {
    throw failedCall('could not read route tables from EC2', error);
  }
  return allOf(search, inOrder(tables));
}

const inOrder = (tables: readonly ActualTable[]): readonly ActualTable[] =>
  sortedBy(tables, ({ vpcId = '', routeTableId }) => `${vpcId} ${routeTableId}`);

/** @throws Failure if a table was asked for by its id and not found, or if nothing was found */
function allOf({ ids = [] }: Search, tables: readonly ActualTable[]): readonly ActualTable[] {
  const missing = ids.filter((id) => !tables.some(({ routeTableId }) => routeTableId === id));
  if (missing.length > 0) throw noSuchTable(missing.join(', '));
  if (tables.length === 0) throw new Failure('no route table was found under these conditions');
  return tables;
}

async function tablesOfServices(ec2: TableSearch, note: Terminal['note']): Promise<ReadonlySet<string>> {
  try {
    return await ec2.tablesOfNatGateways();
  } catch (error) {
    note(
      failedCall(
        'could not ask which tables regional NAT gateways keep, so they may be among these',
        error,
        'ec2:DescribeNatGateways',
      ).message,
    );
    return new Set();
  }
}

/** The names of everything that routes name, for comments. */
async function namesIn(
  ec2: TableSearch,
  tables: readonly ActualTable[],
  note: Terminal['note'],
): Promise<Found['names']> {
  const ids = tables.flatMap(({ vpcId, routes }) => [
    ...(vpcId === undefined ? [] : [vpcId]),
    ...routes.flatMap(({ destination, target }) => [
      ...(destination.kind === 'prefix-list' ? [destination.id] : []),
      ...('id' in target && !target.id.startsWith('arn:') ? [target.id] : []),
    ]),
  ]);
  try {
    return await ec2.namesOf([...new Set(ids)]);
  } catch (error) {
    note(failedCall('could not read Name tags, so there are no names in comments', error, 'ec2:DescribeTags').message);
    return new Map();
  }
}

// ── where it goes ───────────────────────────────────────────────────────────────────────────────────────────────────

async function write(
  tables: readonly Imported[],
  { outDir, file, json = false }: ImportOptions,
  { print, note }: Terminal,
): Promise<void> {
  if (json) for (const table of tables) print(JSON.stringify(itemOf(table)));
  else if (outDir === undefined && file === undefined) print(fileOf(tables, process.cwd()).trimEnd());
  if (file !== undefined) {
    const merged = mergedFile(file, await readText(file));
    for (const table of tables) merged.add(table);
    await written(file, merged.toString(), 'w');
    note(printable(`Written: ${file}`));
  }
  if (outDir === undefined) return;
  await mkdir(outDir, { recursive: true }).catch((error: unknown) => failedToWrite(outDir, error));
  for (const table of tables) {
    const path = join(outDir, `${table.actual.routeTableId}.yaml`);
    await written(path, fileOf([table], resolve(dirname(path))), 'wx');
    note(printable(`Written: ${path}`));
  }
}

async function written(path: string, text: string, flag: 'w' | 'wx'): Promise<void> {
  await writeFile(path, text, { flag }).catch((error: unknown) => failedToWrite(path, error));
}

function failedToWrite(path: string, error: unknown): never {
  const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
  const why = isThere
    ? 'it exists; to merge into it, use --file'
    : error instanceof Error
      ? error.message
      : String(error);
  throw new Failure(`could not write ${path}: ${why}`, { cause: error });
}
