import { setTimeout as pause } from 'node:timers/promises';
import { type Fleet, type FleetRow, type FleetView, fleetView } from '../report/fleet-view.ts';
import { heldText } from '../report/words.ts';
import { type DeploymentOptions, deployment, reaching } from './deployment.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import { fleetReaderOf } from './fleet.ts';
import { fleetLines, fleetSummary } from './fleet-text.ts';
import type { Look } from './layout.ts';
import { printable } from './printable.ts';
import { type Screen, thisScreen } from './screen.ts';
import type { Terminal } from './terminal.ts';
import { lengthIn } from './times.ts';

export interface WatchOptions extends DeploymentOptions {
  /** How often to read the fleet. */
  readonly every?: string;
}

const everyMsByDefault = 5_000;
const shortestMs = 1_000;

/** The list of items costs a Scan of all of them, and it changes rarely. */
const listEveryMs = 60_000;

/**
 * `routectl watch`: the fleet as it changes, until Ctrl-C. On a terminal it redraws one picture; elsewhere, and with
 * `--json`, it prints one line for each change. Reads the tables of the deployment, never EC2, and changes nothing.
 */
export async function watch({ every, json = false, ...options }: WatchOptions, terminal: Terminal): Promise<ExitCode> {
  const everyMs = every === undefined ? everyMsByDefault : lengthIn(every);
  if (everyMs === undefined || everyMs < shortestMs)
    throw new Failure(`--every ${every}: expected a time such as 5s or 1m, at least 1s`);
  const open = await deployment(options, terminal);
  const reader = await fleetReaderOf(open);
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  await watchFleet({
    ...terminal,
    json,
    everyMs,
    now: () => new Date(),
    read: (ids) => reaching('read the fleet', open, () => reader.fleet(ids)),
    sleep: (ms) => pause(ms, undefined, { signal: interrupted.signal }).catch(() => {}),
    interrupted: interrupted.signal,
    openScreen: () => (json ? undefined : thisScreen()),
  });
  return exitCode.ok;
}

export interface WatchWorld extends Terminal {
  readonly json: boolean;
  readonly everyMs: number;
  readonly now: () => Date;
  /** Reads the fleet, or only these tables of it. */
  readonly read: (ids?: readonly string[]) => Promise<Omit<Fleet, 'now'>>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly interrupted: AbortSignal;
  /** Opens the screen, if there is one. */
  readonly openScreen: () => Screen | undefined;
}

/** Watches until it is interrupted. If the first read fails, so does this; a later failure is shown, and it goes on. */
export async function watchFleet(world: WatchWorld): Promise<void> {
  const { read, now, note, everyMs, interrupted } = world;
  let shown = fleetView({ ...(await read()), now: now() });
  let listedAt = now().getTime();
  let trouble: string | undefined;
  const screen = world.openScreen();
  const draw = (): void => screen?.draw(picture(shown, trouble, screen, world.look));
  screen?.onResize(draw);
  try {
    if (!screen) for (const line of changesSince(undefined, shown)) say(line, world);
    while (!interrupted.aborted) {
      draw();
      await world.sleep(everyMs);
      if (interrupted.aborted) return;
      try {
        const isListDue = now().getTime() - listedAt >= listEveryMs;
        const fleet = await read(isListDue ? undefined : shown.rows.map(({ routeTableId }) => routeTableId));
        if (isListDue) listedAt = now().getTime();
        const before = shown;
        shown = fleetView({ ...fleet, now: now() });
        trouble = undefined;
        if (!screen) for (const line of changesSince(before, shown)) say(line, world);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        if (!screen && trouble === undefined) note(printable(`${text} (watching on)`));
        trouble = text;
      }
    }
  } finally {
    screen?.close();
  }
}

// ── on a terminal ───────────────────────────────────────────────────────────────────────────────────────────────────

/** What a screen shows: the summary, what is stopped, the most urgent tables, and why they are not in sync. */
function picture(view: FleetView, trouble: string | undefined, { size }: Screen, { paint }: Look): readonly string[] {
  const { rows, columns } = size();
  const { stop, lines, reasons } = fleetLines(view.rows.slice(0, rows), view, { paint, width: columns });
  const head = [
    paint('bold', fleetSummary(view.rows, view)),
    ...stop,
    ...(trouble === undefined ? [] : [paint('red', printable(trouble))]),
    '',
  ];
  const room = Math.max(1, rows - head.length - 1);
  const below = reasons.slice(0, Math.floor(room / 3));
  const above = lines.slice(0, room - (below.length > 0 ? below.length + 1 : 0));
  const more = view.rows.length > above.length ? [paint('dim', `  … and ${view.rows.length - above.length} more`)] : [];
  return [...head, ...above, ...more, ...(below.length > 0 ? ['', ...below] : [])];
}

// ── elsewhere ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** One change of a table, or with `*` of the whole fleet. */
interface Shift {
  readonly at: string;
  readonly routeTableId: string;
  readonly name?: string;
  readonly was?: string;
  readonly phase: string;
  readonly reason: string;
}

/** What has changed since the last read. At the beginning: what is not in sync. */
function changesSince(before: FleetView | undefined, { rows, stop, now }: FleetView): readonly Shift[] {
  const at = now.toISOString();
  const known = new Map(before?.rows.map((row) => [row.routeTableId, row]));
  const changed = rows.flatMap((row): Shift[] => {
    const was = known.get(row.routeTableId);
    const isNews = was ? factsOf(was) !== factsOf(row) : before !== undefined || row.phase !== 'InSync';
    if (!isNews) return [];
    const { routeTableId, name, phase } = row;
    const from = was && was.phase !== phase ? was.phase : undefined;
    return [{ at, routeTableId, ...(name && { name }), ...(from && { was: from }), phase, reason: reasonOf(row) }];
  });
  const there = new Set(rows.map(({ routeTableId }) => routeTableId));
  const gone = [...known.values()]
    .filter(({ routeTableId }) => !there.has(routeTableId))
    .map(({ routeTableId, phase }): Shift => {
      return { at, routeTableId, was: phase, phase: 'Unmanaged', reason: 'there is no desired item any more' };
    });
  const isStopNew = JSON.stringify(before?.stop) !== JSON.stringify(stop);
  const halt: readonly Shift[] = !isStopNew
    ? []
    : stop
      ? [
          {
            at,
            routeTableId: '*',
            phase: 'Stopped',
            reason: `${stop.reason}${stop.by === undefined ? '' : ` (by ${stop.by})`}`,
          },
        ]
      : [{ at, routeTableId: '*', phase: 'Resumed', reason: 'the stop of all tables has ended' }];
  return [...halt, ...changed, ...gone];
}

const reasonOf = ({ reason, holds = [] }: FleetRow): string => [reason, ...holds.map(heldText)].join('; ');

/** What must change for a line. Times of reads do not count. */
const factsOf = ({ phase, reason, mode, pause, holds, open, blackholes }: FleetRow): string =>
  JSON.stringify([phase, reason, mode, pause, holds, open, blackholes]);

function say(shift: Shift, { json, print }: WatchWorld): void {
  const { at, routeTableId, name, was, phase, reason } = shift;
  if (json) return print(JSON.stringify(shift));
  const who = [routeTableId === '*' ? 'all tables' : routeTableId, name].filter(Boolean).join(' ');
  const what = was === undefined ? phase : `${was} → ${phase}`;
  return print(printable(`${at.slice(0, 19)}Z ${who}: ${what}: ${reason}`));
}
