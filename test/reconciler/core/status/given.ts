import { type ChangeJson, changeAsJson } from '../../../../reconciler/core/route/change.ts';
import { permitted } from '../../../../reconciler/core/plan/guard.ts';
import type { ReportedCall } from '../../../../reconciler/core/memory/call.ts';
import { type Memory, type Remembered, emptyMemory } from '../../../../reconciler/core/memory/memory.ts';
import type { ChangeOutcome } from '../../../../reconciler/core/route/outcome.ts';
import { plan, planAfter } from '../../../../reconciler/core/plan/plan.ts';
import type { ActualRoute } from '../../../../reconciler/core/route/route.ts';
import { type Circumstances, type Result, conclude } from '../../../../reconciler/core/status/conclude.ts';
import { withArrivals } from '../../../../reconciler/core/status/arrival.ts';
import { rememberRead } from '../../../../reconciler/core/status/remember.ts';
import type { State } from '../../../../reconciler/core/status/status.ts';
import { actual, desired, minutesAfter, now, route, routeTableId, table } from '../../../support/builders.ts';

export const destination = '10.20.0.0/16';
export const other = '10.21.0.0/16';

export const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };
export const bob = { arn: 'arn:aws:iam::111122223333:user/bob' };

/** The text of a time, a number of minutes after noon. */
export const at = (minutes: number): string => minutesAfter(minutes).toISOString();

/** What repairs a route that others moved to `tgw-aaaaaaaa`. */
export const hijack = { action: 'replace', destination, from: 'tgw-aaaaaaaa', to: 'pcx-aaaaaaaa' } as const;

type RouteCall = Extract<ReportedCall, { about: 'route' }>;

/** Alice's call at noon that made `hijack` necessary. */
export const call = (more: Partial<RouteCall> = {}): RouteCall => ({
  id: 'call-1',
  name: 'ReplaceRoute',
  time: now.toISOString(),
  actor: alice,
  about: 'route',
  destination,
  target: hijack.from,
  ...more,
});

/** `call`, as a cause of drift. */
export const cause = { id: 'call-1', name: 'ReplaceRoute', time: now.toISOString(), actor: alice };

export const memory = (
  destinations: Readonly<Record<string, Remembered>> = {},
  more: Partial<Memory> = {},
): Memory => ({ destinations: new Map(Object.entries(destinations)), ...more });

/** An active route through a peering connection, unless another target is given. */
export const via = (destination: string, target = 'pcx-aaaaaaaa'): ActualRoute => actual(route(destination, target));

export const circumstances = (more: Partial<Circumstances> = {}): Circumstances => ({
  routeTableId,
  now,
  waker: { trigger: { kind: 'sweep' } },
  kinds: ['sweep'],
  deletions: [],
  calls: [],
  unread: [],
  outcomes: [],
  ...more,
});

/** One reconcile: what the item says, what a read shows, and how EC2 answers each change that is tried. */
export interface Given extends Partial<Omit<Circumstances, 'now' | 'outcomes'>> {
  readonly minute?: number;
  readonly item?: Parameters<typeof desired>;
  readonly routes?: readonly ActualRoute[];
  /** Without an answer nothing is tried. */
  readonly answer?: ((change: ChangeJson) => Omit<ChangeOutcome, keyof ChangeJson>) | undefined;
  readonly isDone?: boolean;
}

export const listed: Parameters<typeof desired> = [{ [destination]: 'pcx-aaaaaaaa' }];

export const done = () => ({ result: 'done' }) as const;
export const refused = () => ({ result: 'refused', kind: 'rejected', code: 'RouteLimitExceeded' }) as const;

/** The state after a read that is believed, and the answers to its changes. */
export function reconciled(before: State | undefined, given: Given = {}): State {
  const { minute = 0, item = listed, routes = [via(destination)], answer, isDone = true, ...more } = given;
  const at = minutesAfter(minute);
  const on = { now: at, memory: before?.memory ?? emptyMemory };
  const [wanted, found] = [desired(...item), table(routes)];
  const arrived = withArrivals(on.memory, { desired: wanted, actual: found, now: at });
  const planned = plan(wanted, found, { ...on, memory: arrived });
  const tried = answer ? permitted(planned) : [];
  const outcomes = tried.flatMap((change) => {
    const asked = changeAsJson(change);
    return answer ? { ...asked, ...answer(asked) } : [];
  });
  const made = tried.filter((_, index) => outcomes[index]?.result === 'done');
  const seen = { desired: wanted, actual: found, plan: planned, now: at };
  const remembered = rememberRead(
    arrived,
    seen,
    made.map((change) => ({ change, isCertain: true })),
  );
  const left = planAfter(made, wanted, found, { now: at, memory: remembered });
  const result: Result = {
    kind: 'planned',
    desired: wanted,
    actual: found,
    plan: left,
    changes: planned.changes,
    isDone,
  };
  return conclude(before, remembered, result, circumstances({ ...more, now: at, outcomes }));
}

/** A table seen in sync at noon. */
export const inSync = (item = listed, routes = [via(destination)]): State => reconciled(undefined, { item, routes });
