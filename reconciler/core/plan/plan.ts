import { createHash } from 'node:crypto';
import { type Change, type ChangeJson, changeAsJson, changeKey, inOrderOfApply } from '../route/change.ts';
import { decideListed, decideUnlisted } from './decide.ts';
import { type DesiredTable, targetsOf } from '../desired/desired.ts';
import { isPrivate } from './doubt.ts';
import { type Finding, isOutOfSync } from '../desired/finding.ts';
import { type Blocked, blockedChanges, permitted } from './guard.ts';
import type { Problem } from '../desired/problem.ts';
import type { Circumstances } from './ownership.ts';
import type { LeftAloneReason } from '../memory/memory.ts';
import {
  type ActualRoute,
  type ActualTable,
  type Target,
  destinationOrder,
  destinationText,
  isStatic,
  sortedBy,
  targetText,
} from '../route/route.ts';
import { type LeftAlone, slotsOf } from './slots.ts';
import { type Waiting, coverageGaps, waitingDeletes } from './takeover.ts';
import { expiredIgnores, overlaps, shadowedRoutes } from './warnings.ts';

/** The changes that turn an actual table into the desired one, and what else an operator should know. */
export interface Plan {
  readonly routeTableId: string;
  /** There is nothing to change, and no drift that we may not repair. */
  readonly inSync: boolean;
  /** Two plans with the same changes to the same table have the same id. */
  readonly planId: string;
  /** In apply order: replaces, deletes, creates, each sorted by destination. A destination appears at most once. */
  readonly changes: readonly Change[];
  /** The number of listed routes that are as desired. */
  readonly unchanged: number;
  /** Every actual route that is neither changed nor counted as unchanged. */
  readonly leftAlone: readonly LeftAlone[];
  readonly findings: readonly Finding[];
  /** The changes in `changes` that need approval. */
  readonly blocked?: Blocked;
  /** The deletes in `changes` that wait until a read shows the creates that overlap them. Absent if none waits. */
  readonly waiting?: readonly Waiting[];
}

/** What a plan depends on besides the two tables. */
type Context = Pick<Circumstances, 'now' | 'memory' | 'full' | 'health'>;

/**
 * The changes that turn `actual` into `desired`, and what else an operator should know.
 *
 * Pure, total and deterministic: equal input in any order gives an equal plan. Time is linear in the number of routes.
 * Every actual route is changed, unchanged, or left alone for a reason. After a plan is applied in full, the next plan
 * has no changes. Without a `memory` (offline, or when a person runs the plan) only `maxDeletes` blocks deletes.
 */
export function plan(desired: DesiredTable, actual: ActualTable, context: Context): Plan {
  const on: Circumstances = { ...context, desired, actual };
  const slots = slotsOf(actual.routes);
  const listed = new Set(desired.routes.map(({ destination }) => destinationText(destination)));
  const decisions = [
    ...desired.routes.map((wanted) => decideListed(wanted, slots.static.get(destinationText(wanted.destination)), on)),
    ...[...slots.static].filter(([key]) => !listed.has(key)).map(([, slot]) => decideUnlisted(slot, on)),
  ];
  const changes = inOrderOfApply(
    decisions.flatMap((decision) => (decision.kind === 'change' ? decision.change : [])),
    // A route to a public destination can reroute everything that leaves the VPC.
    ({ destination }) => !isPrivate(destination, actual),
  );
  const unchanged = decisions.filter(({ kind }) => kind === 'unchanged').length;
  const leftAlone = [
    ...slots.leftAlone,
    ...decisions.flatMap((decision) => (decision.kind === 'left-alone' ? decision.route : [])),
  ];
  const blocked = blockedChanges(changes, unchanged, on);
  const waiting = waitingDeletes(changes, blocked, on);
  const held = { changes, ...(blocked && { blocked }), ...(waiting.length > 0 && { waiting }) };
  const findings = [
    ...desired.findings,
    ...decisions.flatMap((decision) => decision.findings),
    ...expiredIgnores(desired, context.now),
    ...shadowedRoutes(desired, leftAlone),
    ...overlaps(desired, leftAlone),
    ...coverageGaps(permitted(held)),
  ];
  const planId = planIdOf(desired.routeTableId, changes);
  return {
    routeTableId: desired.routeTableId,
    inSync: changes.length === 0 && !findings.some(isOutOfSync),
    planId,
    ...held,
    unchanged,
    leftAlone: sortedBy(
      leftAlone,
      ({ route, reason }) => `${destinationOrder(route.destination)} ${targetText(route.target)} ${reason}`,
    ),
    findings: sortedBy(findings, (finding) => [finding.code, finding.destination, finding.message].join(' ')),
  };
}

/**
 * The targets that EC2 should be asked about before a plan is applied: those that would replace a working route or carry
 * a missing one, those that were dead before, and those to which a blackhole may move. With the answer as `health`, plan
 * again.
 */
export function targetsToAsk({ routes }: DesiredTable, { changes, leftAlone, findings }: Plan): Target[] {
  const open = new Set([
    ...changes
      .filter((change) => change.action === 'create' || (change.action === 'replace' && change.from.state === 'active'))
      .map(({ destination }) => destinationText(destination)),
    ...leftAlone
      .filter(({ reason }) => reason === 'target-down')
      .map(({ route }) => destinationText(route.destination)),
  ]);
  const dropping = new Set([
    ...changes
      .filter((change) => change.action === 'replace' && change.from.state === 'blackhole')
      .map(({ destination }) => destinationText(destination)),
    ...findings.filter(({ code }) => code === 'blackhole').map(({ destination }) => destination),
  ]);
  return routes
    .filter(({ destination, alternates }) => {
      const text = destinationText(destination);
      return open.has(text) || (alternates.length > 0 && dropping.has(text));
    })
    .flatMap(targetsOf);
}

/** The rest of a plan made from `actual`, after its changes in `done` have been made. */
export const planAfter = (
  done: readonly Change[],
  desired: DesiredTable,
  actual: ActualTable,
  context: Context,
): Plan => plan(desired, { ...actual, routes: routesAfter(done, actual.routes) }, context);

/** The routes of a table after changes have been made. New routes count as active. */
export function routesAfter(done: readonly Change[], routes: readonly ActualRoute[]): ActualRoute[] {
  const changed = new Set(done.map(({ destination }) => destinationText(destination)));
  const made = done.flatMap((change): ActualRoute[] => {
    if (change.action === 'delete') return [];
    const { destination, to: target } = change;
    const { origin, spelling } =
      change.action === 'replace'
        ? change.from
        : { origin: 'created' as const, spelling: destinationText(destination) };
    return [{ destination, target, origin, spelling, state: 'active' }];
  });
  return [...routes.filter((route) => !isStatic(route) || !changed.has(destinationText(route.destination))), ...made];
}

/** The plan for a table that does not exist in EC2, or that belongs to another account: no changes, and not in sync. */
export function planForMissingTable(desired: DesiredTable, owner?: string): Plan {
  const { routeTableId } = desired;
  const finding: Finding =
    owner === undefined
      ? {
          code: 'table-not-found',
          message: `${routeTableId} does not exist in this account and Region, so its routes cannot be managed; delete the item if the table is gone for good`,
        }
      : {
          code: 'table-not-ours',
          message: `${routeTableId} belongs to account ${owner}, which shares its VPC: only its owner can change it; manage it from that account, and delete the item here`,
        };
  return {
    routeTableId: desired.routeTableId,
    inSync: false,
    planId: planIdOf(desired.routeTableId, []),
    changes: [],
    unchanged: 0,
    leftAlone: [],
    findings: [...desired.findings, finding],
  };
}

/** The plan for an invalid item: nothing is known about the table, and nothing is changed. */
export const planForInvalidItem = (routeTableId: string, problems: readonly Problem[]): Plan => ({
  routeTableId,
  inSync: false,
  planId: planIdOf(routeTableId, []),
  changes: [],
  unchanged: 0,
  leftAlone: [],
  findings: problems.map(({ path, found, message }) => ({
    code: 'invalid-desired',
    message: `${path}: ${message}, found ${found}`,
  })),
});

function planIdOf(routeTableId: string, changes: readonly Change[]): string {
  return createHash('sha256')
    .update([routeTableId, ...changes.map(changeKey)].join('\n'))
    .digest('hex')
    .slice(0, 12);
}

/** A plan as JSON, for the CLI, the status item and events. */
export interface PlanJson extends Omit<Plan, 'changes' | 'leftAlone'> {
  readonly changes: readonly ChangeJson[];
  readonly leftAlone: readonly {
    readonly destination: string;
    readonly target: string;
    readonly reason: LeftAloneReason;
  }[];
}

export const planAsJson = (plan: Plan): PlanJson => ({
  ...plan,
  changes: plan.changes.map(changeAsJson),
  leftAlone: plan.leftAlone.map(({ route, reason }) => ({
    destination: destinationText(route.destination),
    target: targetText(route.target),
    reason,
  })),
});
