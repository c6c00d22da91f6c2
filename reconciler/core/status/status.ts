import type { Blocked } from '../plan/guard.ts';
import type { ChangeJson } from '../route/change.ts';
import { counted } from '../route/counted.ts';
import { known } from '../route/known.ts';
import { refusedAsFull } from '../route/outcome.ts';
import {
  type Drift,
  type LastDrift,
  type Memory,
  type Refusal,
  type Repairs,
  destinationsWhere,
  openDrift,
  rememberedAt,
} from '../memory/memory.ts';
import { destinationText } from '../route/route.ts';
import { type Plan, type PlanJson, planAsJson } from '../plan/plan.ts';
import type { Waiting } from '../plan/takeover.ts';
import type { Problem } from '../desired/problem.ts';
import type { Actor } from '../memory/call.ts';
import type { Pause } from '../desired/orders.ts';
import type { ShownTrigger } from '../memory/trigger.ts';

export const phases = [
  'InSync',
  /** As desired, or working on another target, but a listed target is down. */
  'Degraded',
  /** Changes are made, and no read has shown them yet. */
  'Verifying',
  /** Drift that is only reported: mode `observe`, a pause or a stop. */
  'Drifted',
  /** Others keep undoing a repair, so repairs back off. */
  'Contested',
  /** Changes wait for a person. */
  'Blocked',
  /** EC2 refused a route, or something that is not ours stands in its place. */
  'Failed',
  /** The item is invalid. Its last valid version stays in force. */
  'Invalid',
  /** EC2 has no such table, or it belongs to another account. */
  'Missing',
  /** The item was deleted. */
  'Unmanaged',
] as const;

export type Phase = (typeof phases)[number];

/**
 * What a phase means for its table. `isCalm`: no person is needed. `isRead`: it rests on a read of the table.
 * `counts`: how a sweep counts it.
 */
const meaning = {
  InSync: { isCalm: true, isRead: true, counts: 'settled' },
  Degraded: { isCalm: false, isRead: true, counts: 'waiting' },
  Verifying: { isCalm: true, isRead: true, counts: 'settled' },
  Drifted: { isCalm: false, isRead: true, counts: 'observed' },
  Contested: { isCalm: false, isRead: true, counts: 'outOfSync' },
  Blocked: { isCalm: false, isRead: true, counts: 'waiting' },
  Failed: { isCalm: false, isRead: true, counts: 'outOfSync' },
  Invalid: { isCalm: false, isRead: false, counts: 'outOfSync' },
  Missing: { isCalm: false, isRead: false, counts: 'outOfSync' },
  Unmanaged: { isCalm: true, isRead: false, counts: 'settled' },
} as const satisfies Record<Phase, object>;

/** Whether no person is needed in this phase. */
export const isCalm = (phase: Phase): boolean => meaning[phase].isCalm;

/** How a sweep counts a table in this phase. */
export const countsAs = (phase: Phase): 'settled' | 'observed' | 'waiting' | 'outOfSync' => meaning[phase].counts;

/** What people see of one table. Decisions rest on `Memory`, never on this. Times are ISO 8601, UTC. */
export interface Status {
  readonly routeTableId: string;
  readonly phase: Phase;
  /** One sentence: why it is in this phase. */
  readonly reason: string;
  readonly vpcId?: string;
  /** The tag `Name` of the table. */
  readonly name?: string;
  /** Present if the item only asks to report drift. */
  readonly mode?: 'observe';
  /** How many routes the item lists. */
  readonly listed?: number;
  readonly plan?: PlanSummary;
  /** How many routes drop their traffic, as far as EC2 knows. */
  readonly blackholes?: number;
  /** What is wrong with the item, in phase `Invalid`. */
  readonly problems?: readonly Problem[];
  /** Changes that EC2 refused or left open, the first 100. */
  readonly failures: readonly Failure[];
  readonly contested?: readonly Contested[];
  /** What others changed, until a read shows it as desired again. */
  readonly drift?: readonly Drift[];
  readonly lastDrift?: LastDrift;
  readonly trigger: ShownTrigger;
  readonly actor?: Actor;
  /** When the table was last reconciled. */
  readonly checkedAt: string;
  /** When it entered this phase. */
  readonly changedAt: string;
  readonly inSyncSince?: string;
  /** When it is reconciled again, if nothing triggers a reconcile before. */
  readonly nextRetry?: string;
  /** The pause or stop that is active. */
  readonly pause?: ShownPause;
  /** The last valid version of the item, while it is in force in phase `Invalid`. */
  readonly inForce?: InForce;
}

/** How a table stands to the last valid version of its item. */
export interface InForce {
  /** When that version was first reconciled. */
  readonly since: string;
  /** The phase and the reason if the item were still that version. */
  readonly phase: Phase;
  readonly reason: string;
}

export interface Failure extends ChangeJson, Refusal {}

/** A destination whose repair others keep undoing. */
export interface Contested extends Pick<Repairs, 'target' | 'by'> {
  readonly destination: string;
  /** How many repairs are remembered, at most 8. */
  readonly repairs: number;
  /** It is not repaired before this time. */
  readonly until: string;
}

export type ShownPause = Omit<Pause, 'until'> & { readonly until?: string };

/** A plan as it is stored: lists are cut, and the rest is counted. */
export interface PlanSummary extends PlanJson {
  readonly omitted?: { readonly changes: number; readonly leftAlone: number; readonly findings: number };
}

/** The status and the memory of one table. */
export interface State {
  readonly status: Status;
  readonly memory: Memory;
}

/** Whether a state rests on a read of the table that was believed. */
export const isBelieved = ({ status, memory }: State): boolean => !memory.doubt && meaning[phaseInForce(status)].isRead;

/** The phase of a table under the version of its item that is in force. */
export const phaseInForce = ({ phase, inForce }: Pick<Status, 'phase' | 'inForce'>): Phase => inForce?.phase ?? phase;

const shownAtMost = 100;

/** The first 100 entries of a list: an item has no room for more. */
export const cut = <T>(list: readonly T[]): readonly T[] => list.slice(0, shownAtMost);

/** How many entries of a list `cut` leaves out. */
export const omittedOf = (list: readonly unknown[]): number => Math.max(0, list.length - shownAtMost);

export function summaryOf(plan: Plan): PlanSummary {
  const json = planAsJson(plan);
  const { changes, leftAlone, findings, blocked, waiting } = json;
  const omitted = { changes: omittedOf(changes), leftAlone: omittedOf(leftAlone), findings: omittedOf(findings) };
  return known({
    ...json,
    changes: cut(changes),
    leftAlone: cut(leftAlone),
    findings: cut(findings),
    blocked:
      blocked &&
      (known({
        ...blocked,
        deletes: cut(blocked.deletes),
        replaces: blocked.replaces && cut(blocked.replaces),
      }) satisfies Blocked),
    waiting: waiting && cut(waiting).map((one): Waiting => ({ ...one, creates: cut(one.creates) })),
    omitted: Object.values(omitted).some((count) => count > 0) ? omitted : undefined,
  });
}

/** The parts of the memory that people see, in every phase. */
export function shownOf(memory: Memory): Pick<Status, 'contested' | 'drift' | 'lastDrift' | 'blackholes'> {
  const contested = contestedIn(memory);
  const drift = [...memory.destinations.values()].flatMap((remembered) => openDrift(remembered) ?? []);
  const blackholes = destinationsWhere(memory, ({ troubles }) => troubles?.includes('blackhole')).length;
  return known({
    contested: contested.length > 0 ? cut(contested) : undefined,
    drift: drift.length > 0 ? cut(drift) : undefined,
    lastDrift: memory.lastDrift,
    blackholes: blackholes > 0 ? blackholes : undefined,
  });
}

export const contestedIn = ({ destinations }: Memory): readonly Contested[] =>
  [...destinations].flatMap(([destination, { repairs }]) =>
    repairs?.contest
      ? known({
          destination,
          target: repairs.target,
          repairs: repairs.at.length,
          by: repairs.by,
          until: repairs.contest.until,
        })
      : [],
  );

/** The refusals that still stand, in the order of the plan. */
export const failuresIn = (memory: Memory, plan: Plan): readonly Failure[] =>
  plan.changes.flatMap((change) => {
    const destination = destinationText(change.destination);
    const { refusal } = rememberedAt(memory, destination);
    return refusal
      ? known({ ...refusal, destination, remedy: roomIn(plan, destination, refusal) ?? refusal.remedy })
      : [];
  });

/** How a person makes room for a route in a full table, if deletes wait that would do so. */
function roomIn({ routeTableId, blocked }: Plan, destination: string, refusal: Refusal): string | undefined {
  if (!blocked || !refusedAsFull(refusal)) return undefined;
  // EC2 counts IPv4 and IPv6 routes apart. A prefix list has either of them.
  const families = (text: string): readonly string[] =>
    text.startsWith('pl-') ? ['4', '6'] : [text.includes(':') ? '6' : '4'];
  const wanted = new Set(families(destination));
  const { length } = blocked.deletes.filter((one) => families(one.destination).some((family) => wanted.has(family)));
  return length === 0
    ? undefined
    : `the table is full, and ${counted(length, 'delete')} that ${length === 1 ? 'waits' : 'wait'} for approval would make room: npx routectl approve ${routeTableId}`;
}
