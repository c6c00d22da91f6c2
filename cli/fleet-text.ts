import { actorBehind } from '../reconciler/core/announce/events.ts';
import type { Run, RunOutcome } from '../reconciler/core/announce/history.ts';
import type { ReportedCall } from '../reconciler/core/memory/call.ts';
import type { LastDrift } from '../reconciler/core/memory/memory.ts';
import { waitingIn } from '../reconciler/core/plan/guard.ts';
import { describeChange } from '../reconciler/core/route/change.ts';
import type { Pause } from '../reconciler/core/desired/orders.ts';
import { known } from '../reconciler/core/route/known.ts';
import { counted } from '../reconciler/core/route/counted.ts';
import type { ShownPhase } from '../reconciler/core/status/freshness.ts';
import { type Status, isCalm, phaseInForce } from '../reconciler/core/status/status.ts';
import type { FleetRow, FleetView } from '../report/fleet-view.ts';
import {
  andOthers,
  heldText,
  haltOf,
  nameOfActor,
  nameOfCause,
  repairOf,
  repairTimeOf,
  secondsOf,
  symbols,
} from '../report/words.ts';
import { type Format, type Look, columns, sections, tally } from './layout.ts';
import { printable } from './printable.ts';

const phaseFormats: Readonly<Record<ShownPhase, Format>> = {
  InSync: 'green',
  Verifying: 'cyan',
  Unmanaged: 'dim',
  Degraded: 'yellow',
  Drifted: 'yellow',
  Blocked: 'magenta',
  Contested: 'red',
  Failed: 'red',
  Invalid: 'red',
  Missing: 'red',
  Unknown: 'yellow',
};

const badge = (phase: ShownPhase, { paint }: Look): string => paint(phaseFormats[phase], `${symbols[phase]} ${phase}`);

/** A line for programs: with the mode, if a reconcile has read it, and the stop that is in force. */
export const rowJson = (row: FleetRow, stop: Pause | undefined): string =>
  JSON.stringify(known({ ...row, mode: row.mode ?? (row.routes === undefined ? undefined : 'enforce'), stop }));

/** What stops all tables, if anything does. */
function stopText(stop: Pause | undefined, { paint }: Look): readonly string[] {
  if (!stop) return [];
  const { reason, by, until } = stop;
  const who = by === undefined ? '' : ` by ${by}`;
  const end = until ? `until ${secondsOf(until.toISOString())} UTC` : 'until somebody resumes (routectl resume --all)';
  return [paint('red', printable(`All tables are stopped${who}, ${end}: ${reason}`))];
}

/** The fleet for people: what is stopped, one line for each table, why a table is not in sync, and a summary. */
export function fleetText(rows: readonly FleetRow[], view: Omit<FleetView, 'rows'>, look: Look): string {
  const { stop, lines, reasons } = fleetLines(rows, view, look);
  return sections(stop, lines, reasons, [fleetSummary(rows, view)]);
}

/** How many tables are in which phase, and when the last sweep was. */
export function fleetSummary(rows: readonly FleetRow[], { sweep, now }: Pick<FleetView, 'sweep' | 'now'>): string {
  const swept = sweep?.endedAt === undefined ? 'no sweep has ended yet' : `last sweep ${secondsOf(sweep.endedAt)} UTC`;
  const counts = rows.length === 0 ? '' : `: ${tally(rows.map(({ phase }) => phase))}`;
  return `${counted(rows.length, 'table')}${counts}; ${swept}, now ${secondsOf(now.toISOString())} UTC`;
}

/** What is stopped, one line for each table, and why a table is not in sync. */
export function fleetLines(
  rows: readonly FleetRow[],
  { stop }: Pick<FleetView, 'stop'>,
  look: Look,
): {
  readonly stop: readonly string[];
  readonly lines: readonly string[];
  readonly reasons: readonly string[];
} {
  const { paint } = look;
  const lines = columns(
    rows.map((row) => [
      badge(row.phase, look),
      printable(row.routeTableId),
      printable(row.name ?? ''),
      printable(row.vpcId ?? ''),
      rowFacts(row),
    ]),
    look.width,
  );
  const reasons = columns(
    rows.flatMap((row) => {
      const isQuiet = row.phase === 'InSync' || row.phase === 'Verifying';
      // The reason of `Drifted` is the halt.
      const told = [
        isQuiet ? undefined : row.reason,
        row.phase === 'Drifted' ? undefined : haltOf(row),
        ...(row.holds ?? []).map(heldText),
      ].filter((text) => text !== undefined);
      return told.map((text) => [paint('dim', printable(row.routeTableId)), printable(text)]);
    }),
    look.width,
  );
  return { stop: stopText(stop, look), lines, reasons };
}

function rowFacts({ routes = 0, open = 0, blackholes = 0, lastDrift }: FleetRow): string {
  return [
    counted(routes, 'route'),
    ...(open > 0 ? [`${open} open`] : []),
    ...(blackholes > 0 ? [counted(blackholes, 'blackhole')] : []),
    ...(lastDrift ? [`last drift ${driftText(lastDrift)}`] : []),
  ].join(', ');
}

const driftText = (drift: LastDrift): string => {
  const who = drift.actor ? `by ${nameOfActor(drift.actor)}${andOthers(drift)}` : 'reported by no event';
  return printable(`${secondsOf(drift.foundAt)} ${who}, ${repairOf(drift)}`);
};

/** One table in full. */
export function tableText(row: FleetRow, status: Status | undefined, look: Look): string {
  const { paint, width } = look;
  const title = [
    paint('bold', printable(row.routeTableId)),
    printable(row.name ?? ''),
    printable(row.vpcId ?? ''),
    badge(row.phase, look),
  ];
  const head = [title.filter(Boolean).join('  '), `  ${printable(row.reason)}`];
  if (!status) return sections(head);
  const { plan, failures, contested = [], problems = [], lastDrift, checkedAt, nextRetry, drift } = status;
  const halt = haltOf(status);
  const facts = [
    ['last read', `${secondsOf(checkedAt)} UTC, in this phase since ${secondsOf(status.changedAt)} UTC`],
    ...(nextRetry === undefined ? [] : [['read again', `${secondsOf(nextRetry)} UTC at the latest`]]),
    ...(halt === undefined ? [] : [['not enforced', printable(halt)]]),
    ...(row.holds ?? []).map((hold) => ['held', printable(heldText(hold))]),
    ...(lastDrift ? [['last drift', driftText(lastDrift)]] : []),
    ['routes', plan ? `${plan.unchanged} as desired, ${plan.leftAlone.length} left alone` : ''],
    ...(plan?.blocked ? [['plan', plan.planId]] : []),
  ].map(([name = '', text = '']) => [paint('dim', name), text]);
  const isApplied = isCalm(phaseInForce(status));
  const open = isApplied ? [] : (plan?.changes ?? []);
  const waits = new Set([...waitingIn(plan?.blocked), ...(plan?.waiting ?? [])].map(({ destination }) => destination));
  return sections(
    head,
    columns(facts, width),
    columns(
      open.map((change) => [
        `${describeChange(change)}${change.action !== 'create' && waits.has(change.destination) ? ' (waits)' : ''}`,
        whoText(actorBehind(change, drift)),
      ]),
      width,
    ),
    columns(
      [
        ...problems.map(({ path, message, found }) => [printable(path), printable(`${message}; found ${found}`)]),
        ...failures.map(({ message, remedy, code, ...change }) => [
          describeChange(change),
          printable([code, message, remedy].filter(Boolean).join('; ')),
        ]),
        ...contested.map(({ destination, repairs, by, until }) => [
          destination,
          printable(
            `repaired ${repairs} times, undone by ${by.map(nameOfActor).join(', ') || 'nobody that an event named'}; not repaired before ${secondsOf(until)} UTC`,
          ),
        ]),
        ...(plan?.findings ?? [])
          .filter(({ code }) => code !== 'invalid-desired')
          .map(({ code, message }) => [paint('yellow', code), printable(message)]),
      ],
      width,
    ),
    plan?.blocked ? [`  To allow what waits: routectl approve ${row.routeTableId}`] : [],
    plan?.blocked?.edit === undefined
      ? []
      : [`  To allow it in all tables that were edited together: routectl approve ${plan.blocked.edit}`],
  );
}

const whoText = (actor: RunOutcome['actor']): string =>
  actor === undefined ? '' : actor === 'unattributed' ? 'reported by no event' : printable(`by ${nameOfActor(actor)}`);

/** One entry of the history of a table. */
export interface Entry {
  readonly at: string;
  readonly what: string;
  readonly who: readonly string[];
  readonly repaired: string;
}

/** Runs and calls as one timeline, newest first. */
export function timeline(runs: readonly Run[], calls: readonly ReportedCall[]): readonly Entry[] {
  return [...runs.map(entryOfRun), ...calls.filter(({ about }) => about !== 'surroundings').map(entryOfCall)].sort(
    (one, other) => Date.parse(other.at) - Date.parse(one.at),
  );
}

function entryOfRun(run: Run): Entry {
  const { outcome, detectedAt, actor, notice, reason = '', moreOutcomes = 0 } = run;
  const changes = outcome.map(({ result, code, ...change }) => {
    const answer = result === 'skipped' ? 'not done' : result;
    return `${describeChange(change)}: ${[answer, code].filter(Boolean).join(' ')}`;
  });
  const more = moreOutcomes > 0 ? [`and ${moreOutcomes} more`] : [];
  return {
    at: detectedAt,
    what: notice ?? (changes.length > 0 ? [...changes, ...more].join('; ') : reason),
    who: [...new Set(outcome.length > 0 ? outcome.map(nameOfCause) : actor ? [nameOfActor(actor)] : [])],
    repaired: repairTimeOf(run) ?? run.phase ?? '',
  };
}

function entryOfCall(call: ReportedCall): Entry {
  const about =
    call.about === 'route'
      ? [call.destination, call.target].filter((part) => part !== undefined).join(' to ')
      : 'ids' in call
        ? call.ids.join(', ')
        : '';
  return {
    at: call.time,
    what: `call ${call.name} ${about}`.trim(),
    who: call.actor ? [nameOfActor(call.actor)] : [],
    repaired: '',
  };
}

export const historyText = (entries: readonly Entry[], { paint, width }: Look): string =>
  columns(
    entries.map(({ at, what, who, repaired }) => [
      paint('dim', secondsOf(at)),
      printable(who.join(', ')),
      printable(repaired),
      printable(what),
    ]),
    width,
  ).join('\n');
