import { setTimeout as sleep } from 'node:timers/promises';
import pMap from 'p-map';
import { z } from 'zod';
import type { DesiredWriter } from '../reconciler/aws/dynamodb/desired-writer.ts';
import { type DesiredTable, parseDesired } from '../reconciler/core/desired/desired.ts';
import { desiredHash } from '../reconciler/core/desired/hashes.ts';
import { type ItemChange, itemChanges } from '../reconciler/core/desired/item-changes.ts';
import { policyOf, weakenings } from '../reconciler/core/desired/policy.ts';
import { desiredItemSchema } from '../reconciler/core/desired/schema.ts';
import { approvalLastsMs } from '../reconciler/core/desired/orders.ts';
import { placesIn } from '../reconciler/core/plan/fleet-brake.ts';
import { type Memory, openDrift, rememberedAt } from '../reconciler/core/memory/memory.ts';
import { type Plan, planAsJson } from '../reconciler/core/plan/plan.ts';
import { changeAsJson } from '../reconciler/core/route/change.ts';
import { known } from '../reconciler/core/route/known.ts';
import { counted } from '../reconciler/core/route/counted.ts';
import { authorOf } from './approve.ts';
import { agreed } from './consent.ts';
import { planAsDeployed, readSituations, situationReaderOf } from './deployed-plans.ts';
import { type Deployment, type DeploymentOptions, deployment, reaching } from './deployment.ts';
import { type DesiredInput, type ValidInput, readDesired } from './desired-input.ts';
import { type ExitCode, exitCode, exitCodeOf, exitCodeOfPhase, worst } from './exit-code.ts';
import { Failure } from './failure.ts';
import { type Followed, follow } from './follow.ts';
import { itemChangesText } from './item-text.ts';
import { columns, sections, stacked, tally } from './layout.ts';
import { planText, refusedJson, refusedText } from './output.ts';
import { idsChecked, writerOf } from './pause.ts';
import type { Planned } from './planned.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';
import { lengthIn } from './times.ts';

export interface ApplyOptions extends DeploymentOptions {
  readonly file: readonly string[];
  /** Only these tables of the files. */
  readonly only?: readonly string[];
  /** Also delete the items of tables that no file names. */
  readonly prune?: boolean;
  readonly yes?: boolean;
  /** Follow the tables until they are settled. */
  readonly wait?: boolean;
  /** How long to follow them. */
  readonly timeout?: string;
}

/** The item of one table in the files, beside what is stored and what EC2 has. */
interface Edit {
  readonly planned: Planned;
  /** As written in the file. */
  readonly item: Readonly<Record<string, unknown>>;
  /** As stored. Undefined if there is none. */
  readonly before: unknown;
  readonly changes: readonly ItemChange[];
  readonly notes: readonly string[];
}

/** An item that no file names, as stored. */
interface Surplus {
  readonly routeTableId: string;
  readonly before: unknown;
}

/** What became of one table. */
interface Applied {
  readonly routeTableId: string;
  readonly item: 'unchanged' | 'written' | 'deleted' | 'changed meanwhile' | 'failed';
  readonly plan?: Plan;
  readonly followed?: Followed;
  readonly reason?: string;
}

/** An item as it is written: a field that the file leaves out is left out. */
const asWritten = z.looseObject({});

const writesAtOnce = 8;
const patienceMs = 10 * 60 * 1_000;

/**
 * `routectl apply`: shows what would change in the items and in the route tables, asks, writes the items, and follows
 * until every table is settled. It changes no route itself: the deployed reconciler does.
 */
export async function apply(options: ApplyOptions, terminal: Terminal): Promise<ExitCode> {
  const followMs = patienceOf(options.timeout);
  const { wanted, invalid } = await wantedIn(options);
  if (invalid.length > 0) return refuse(invalid, options, terminal);
  const open = await deployment(options, terminal);
  const { edits, surplus } = await lookUp(wanted, options, open, terminal);
  show(edits, surplus, options, terminal);

  const todo = edits.filter(({ changes }) => changes.length > 0);
  if (todo.length + surplus.length === 0) terminal.note('Nothing to write: the stored items ask for the same.');
  const consent = await consents(todo, surplus, options);
  if (!consent.write && !consent.prune && todo.length + surplus.length > 0) throw new Failure('nothing was written');

  const written = await write(consent.write ? todo : [], consent.prune ? surplus : [], open, terminal);
  const followed =
    options.wait === false ? undefined : await followAll(written, todo, { open, followMs, terminal, ...consent });
  const applied = edits
    .map(({ planned: { plan } }): Applied => ({ routeTableId: plan.routeTableId, item: 'unchanged', plan }))
    .filter(({ routeTableId }) => !written.some((one) => one.routeTableId === routeTableId));
  return report([...written.map((one) => withFollowed(one, followed)), ...applied], options, terminal);
}

// ── what is wanted ──────────────────────────────────────────────────────────────────────────────────────────────────

function patienceOf(timeout: string | undefined): number {
  const ms = timeout === undefined ? patienceMs : lengthIn(timeout);
  if (ms === undefined) throw new Failure(`--timeout ${timeout}: expected a time such as 90s, 10m or 1h`);
  return ms;
}

async function wantedIn({ file, only, prune }: ApplyOptions): Promise<{
  readonly wanted: readonly ValidInput[];
  readonly invalid: readonly Exclude<DesiredInput, ValidInput>[];
}> {
  if (prune && only) throw new Failure('give --only or --prune, not both: --prune concerns all tables');
  const inputs = await readDesired(file, new Date());
  const idOf = (input: DesiredInput): string | undefined =>
    input.ok ? input.desired.routeTableId : input.routeTableId;
  const ids = only && idsChecked(only);
  const missing = ids?.filter((id) => !inputs.some((input) => idOf(input) === id)) ?? [];
  if (missing.length > 0) throw new Failure(`--only ${missing.join(', ')}: no file has such a table`);
  const chosen = inputs.filter((input) => !ids || ids.includes(idOf(input) ?? ''));
  return { wanted: chosen.filter((input) => input.ok), invalid: chosen.filter((input) => !input.ok) };
}

function refuse(
  invalid: readonly Exclude<DesiredInput, ValidInput>[],
  { json }: ApplyOptions,
  { print, note, look }: Terminal,
): ExitCode {
  if (json) for (const input of invalid) print(refusedJson(input));
  else print(stacked(invalid.map((input) => refusedText(input, look))));
  note(`${counted(invalid.length, 'table')} invalid: nothing was written`);
  return exitCode.failed;
}

// ── what would change ───────────────────────────────────────────────────────────────────────────────────────────────

async function lookUp(
  wanted: readonly ValidInput[],
  { prune }: ApplyOptions,
  open: Deployment,
  terminal: Terminal,
): Promise<{ readonly edits: readonly Edit[]; readonly surplus: readonly Surplus[] }> {
  const ids = wanted.map(({ desired }) => desired.routeTableId);
  terminal.note(`reading ${counted(ids.length, 'table')} …`);
  const situations = await readSituations(ids, open, terminal);
  const planned = await planAsDeployed(
    wanted.map(({ desired }) => desired),
    situations,
  );
  const edits = wanted.flatMap(({ item, desired }, index): Edit[] => {
    const one = planned[index];
    const situation = situations.of.get(desired.routeTableId);
    return one ? [editOf(item, situation?.item, one, situation?.known.state?.memory)] : [];
  });
  return { edits, surplus: prune ? await surplusOf(ids, open) : [] };
}

function editOf(item: unknown, before: unknown, planned: Planned, memory: Memory | undefined): Edit {
  const { now, desired, plan } = planned;
  const parsed = before === undefined ? undefined : parseDesired(before, now);
  const stored = parsed?.ok ? desiredItemSchema.parse(before) : undefined;
  return {
    planned,
    item: asWritten.parse(item),
    before,
    changes: itemChanges(stored, desiredItemSchema.parse(item)),
    notes: [
      ...(parsed && !parsed.ok ? ['the stored item is invalid, and is replaced as a whole'] : []),
      ...(parsed?.ok ? weakeningNotes(parsed.table, desired, now) : []),
      ...overwriteNotes(plan, memory),
    ],
  };
}

const weakeningNotes = (before: DesiredTable, after: DesiredTable, now: Date): readonly string[] =>
  weakenings(policyOf(before), policyOf(after), now).map(
    ({ field, old, new: is }) =>
      `protects less than before: ${field}: ${old.join('; ') || 'nothing'} → ${is.join('; ') || 'nothing'}`,
  );

/** Where the plan undoes what others changed in EC2 since the table was last in sync. */
const overwriteNotes = ({ changes }: Plan, memory: Memory | undefined): readonly string[] =>
  changes.map(changeAsJson).flatMap(({ action, destination, from, to }) => {
    const drift = openDrift(rememberedAt(memory, destination));
    if (!drift) return [];
    const { cause, foundAt, to: asked } = drift;
    const who = cause?.actor ? `${cause.actor.arn} at ${cause.time}` : `somebody, found at ${foundAt}`;
    const stored = asked === undefined ? 'the stored item lists none' : `the stored item asks for ${asked}`;
    const effect = { create: `creates it with ${to}`, replace: `replaces it with ${to}`, delete: 'deletes it' }[action];
    return [`overwrites ${destination}: EC2 has ${from ?? 'no route'} (${who}), ${stored}, this edit ${effect}`];
  });

async function surplusOf(named: readonly string[], open: Deployment): Promise<readonly Surplus[]> {
  const reader = await situationReaderOf(open);
  return reaching('find items that no file names', open, async () => {
    const ids = (await reader.managed()).filter((id) => !named.includes(id));
    const stored = await reader.of(ids);
    return ids.map((routeTableId) => ({ routeTableId, before: stored.get(routeTableId)?.item }));
  });
}

/** Shows both differences of each table: of its item, and of its routes. With `--json`, on standard error. */
function show(
  edits: readonly Edit[],
  surplus: readonly Surplus[],
  { json }: ApplyOptions,
  { print, note, look }: Terminal,
): void {
  const say = json ? note : print;
  const open = edits.filter(({ changes, planned }) => changes.length > 0 || !planned.plan.inSync);
  const texts = open.map(({ changes, notes, planned, before }) => {
    const what = changes.length === 0 ? 'unchanged' : before === undefined ? 'new' : counted(changes.length, 'change');
    const asked = notes.map((text) => [look.paint('yellow', '!'), printable(text)]);
    return sections(
      [`${look.paint('bold', planned.plan.routeTableId)}  item: ${what}`],
      itemChangesText(changes, look),
      columns(asked, look.width),
      planText(planned, look, { consent: 'routectl approve, once the item is written' }).split('\n'),
    );
  });
  if (surplus.length > 0)
    texts.push(
      sections(
        [`No file names ${counted(surplus.length, 'item')}. Without its item a table is not managed; its routes stay.`],
        columns(surplus.map(({ routeTableId }) => [look.paint('red', '- item'), printable(routeTableId)])),
      ),
    );
  if (texts.length > 0) say(`${texts.join('\n\n')}\n`);
  const same = edits.length - open.length;
  if (same > 0) note(`${counted(same, 'table')} in sync, and the item stays as it is`);
}

interface Consent {
  readonly write: boolean;
  readonly prune: boolean;
  /** To release what the fleet brake holds back of these edits. */
  readonly release: boolean;
}

/** Asks for each kind of consequence separately: to write, to delete items, and to change many tables at once. */
async function consents(
  edits: readonly Edit[],
  surplus: readonly Surplus[],
  { yes = false }: ApplyOptions,
): Promise<Consent> {
  const ask = async (count: number, question: string): Promise<boolean> =>
    count > 0 && (yes || (await agreed(question)));
  const write = await ask(edits.length, `Write ${counted(edits.length, 'item')}?`);
  const many = edits.filter(({ planned: { plan } }) => plan.changes.some(({ action }) => action !== 'create')).length;
  const release =
    write &&
    many > placesIn(many) &&
    (await ask(many, `Replace or delete routes in all ${counted(many, 'table')}, and release the fleet brake?`));
  const prune = await ask(surplus.length, `Delete ${counted(surplus.length, 'item')} that no file names?`);
  return { write, prune, release };
}

// ── what is done ────────────────────────────────────────────────────────────────────────────────────────────────────

async function write(
  edits: readonly Edit[],
  surplus: readonly Surplus[],
  { documents, desiredTable }: Deployment,
  { note }: Terminal,
): Promise<readonly Applied[]> {
  if (edits.length + surplus.length === 0) return [];
  const { desiredWriter } = await import('../reconciler/aws/dynamodb/desired-writer.ts');
  const writer: DesiredWriter = desiredWriter(documents, desiredTable);
  const attempt = async (one: Omit<Applied, 'item'>, done: Applied['item'], send: () => Promise<boolean>) => {
    const result = await attempted(one, done, send);
    note(printable(`${one.routeTableId}: ${itemText(result)}`));
    return result;
  };
  return [
    ...(await pMap(
      edits,
      ({ item, before, planned: { plan } }) =>
        attempt({ routeTableId: plan.routeTableId, plan }, 'written', () => writer.put(item, before)),
      { concurrency: writesAtOnce },
    )),
    ...(await pMap(
      surplus,
      ({ routeTableId, before }) => attempt({ routeTableId }, 'deleted', () => writer.remove(routeTableId, before)),
      { concurrency: writesAtOnce },
    )),
  ];
}

/** One write. If it fails, the others go on. */
async function attempted(
  one: Omit<Applied, 'item'>,
  done: Applied['item'],
  send: () => Promise<boolean>,
): Promise<Applied> {
  try {
    if (await send()) return { ...one, item: done };
    return { ...one, item: 'changed meanwhile', reason: 'somebody changed the item since it was shown' };
  } catch (error) {
    return {
      ...one,
      item: 'failed',
      reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    };
  }
}

async function followAll(
  written: readonly Applied[],
  edits: readonly Edit[],
  {
    open,
    followMs,
    terminal: { note },
    release,
  }: Pick<Consent, 'release'> & {
    readonly open: Deployment;
    readonly followMs: number;
    readonly terminal: Terminal;
  },
): Promise<ReadonlyMap<string, Followed>> {
  const ids = new Set(written.filter(({ item }) => item === 'written').map(({ routeTableId }) => routeTableId));
  const hashes = edits
    .map(({ planned: { desired } }) => desired)
    .filter(({ routeTableId }) => ids.has(routeTableId))
    .map((desired) => [desired.routeTableId, desiredHash(desired)] as const);
  if (hashes.length === 0) return new Map();
  note(`following ${counted(hashes.length, 'table')} until settled; Ctrl-C ends only that`);
  const reader = await situationReaderOf(open);
  const world = {
    states: (ids: readonly string[]) => reader.states(ids),
    now: () => new Date(),
    sleep: (ms: number) => sleep(ms),
    until: new Date(Date.now() + followMs),
    note,
  };
  return reaching('follow the tables (the items are written)', open, async () => {
    const first = await follow(new Map(hashes), world);
    const braked = new Map([...first].flatMap(([id, { edit }]) => (edit === undefined ? [] : [[id, edit] as const])));
    const released = [...new Set(braked.values())];
    if (!release || released.length === 0) return first;
    await releaseAll(released, open);
    note(`released the fleet brake for ${counted(braked.size, 'table')}: ${released.join(', ')}`);
    const rest = await follow(new Map(hashes.filter(([id]) => braked.has(id))), world, released);
    return new Map([...first, ...rest]);
  });
}

async function releaseAll(edits: readonly string[], open: Deployment): Promise<void> {
  const [by, at] = [authorOf(open), new Date()];
  const writer = await writerOf(open);
  for (const edit of edits) await writer.approveEdit(edit, { by, at, until: new Date(at.getTime() + approvalLastsMs) });
}

function withFollowed(applied: Applied, all: ReadonlyMap<string, Followed> | undefined): Applied {
  const followed = all?.get(applied.routeTableId);
  return followed ? { ...applied, followed } : applied;
}

// ── what became of it ───────────────────────────────────────────────────────────────────────────────────────────────

const itemText = ({ item, reason }: Applied): string =>
  item === 'changed meanwhile' || item === 'failed' ? `item not written: ${reason}` : `item ${item}`;

function report(all: readonly Applied[], { json }: ApplyOptions, { print, note, look }: Terminal): ExitCode {
  const codes = all.map(codeOf);
  const summary = `${counted(all.length, 'table')}: ${tally(all.map(wordOf))}`;
  if (json) {
    for (const one of all) print(JSON.stringify(asJson(one)));
    note(summary);
    return worst(codes);
  }
  const rows = all
    .filter(({ item }) => item !== 'unchanged')
    .map((one) => [one.routeTableId, itemText(one), printable(shownOf(one))]);
  const blocked = all
    .filter(({ followed }) => followed?.phase === 'Blocked')
    .map(({ routeTableId, followed }) => followed?.edit ?? routeTableId);
  print(
    sections(
      columns(rows, look.width),
      blocked.length > 0 ? [`To allow what waits: routectl approve ${[...new Set(blocked)].join(' ')}`] : [],
      [summary],
    ),
  );
  return worst(codes);
}

/** A line for programs. `settled` and `phase` are absent if the table was not followed. */
const asJson = ({ routeTableId, item, reason, followed, plan }: Applied): object =>
  known({
    routeTableId,
    item,
    reason: reason ?? followed?.reason,
    phase: followed?.phase,
    settled: followed?.isSettled,
    plan: plan && planAsJson(plan),
  });

const shownOf = ({ followed }: Applied): string =>
  followed ? `${followed.phase}${followed.isSettled ? '' : ' (not settled)'}: ${followed.reason}` : '';

function wordOf({ item, followed, plan }: Applied): string {
  if (item === 'unchanged') return plan?.inSync ? 'in sync' : plan?.blocked ? 'blocked' : 'out of sync';
  if (!followed) return item;
  return followed.isSettled ? followed.phase : 'not settled';
}

function codeOf({ item, followed, plan }: Applied): ExitCode {
  if (item === 'changed meanwhile' || item === 'failed') return exitCode.failed;
  if (item === 'unchanged') return plan ? exitCodeOf(plan) : exitCode.ok;
  if (!followed) return exitCode.ok;
  return followed.isSettled ? exitCodeOfPhase[followed.phase] : exitCode.failed;
}
