import { type DesiredTable, parseDesired } from '../../reconciler/core/desired/desired.ts';
import { underOrders } from '../../reconciler/core/desired/enforcement.ts';
import type { Finding } from '../../reconciler/core/desired/finding.ts';
import { desiredHash } from '../../reconciler/core/desired/hashes.ts';
import { type Approval, noOrders } from '../../reconciler/core/desired/orders.ts';
import { type Memory, type Remembered, emptyMemory } from '../../reconciler/core/memory/memory.ts';
import type { ActualRoute, ActualTable, Parsed, Route } from '../../reconciler/core/route/route.ts';
import { destinationText, parseDestination, parseTarget } from '../../reconciler/core/route/route.ts';

export const now = new Date('2026-11-23T12:00:00Z');
export const minutesAfter = (minutes: number, from: Date = now): Date => new Date(from.getTime() + minutes * 60_000);

export const routeTableId = 'rtb-0a1b2c3d4e5f60718';
export const ownerId = '111122223333';
export const otherOwnerId = '999988887777';

/**
 * A route from the texts that a person writes. Ids with 8 hex digits, such as `pcx-aaaaaaaa`, are valid and easy to
 * read.
 */
export const route = (destination: string, target: string): Route => ({
  destination: valueOf(parseDestination(destination)),
  target: valueOf(parseTarget(target)),
});

/** A route as EC2 reports it: created by CreateRoute and active, unless `more` says otherwise. */
export const actual = ({ destination, target }: Route, more: Partial<ActualRoute> = {}): ActualRoute => ({
  destination,
  target,
  origin: 'created',
  state: 'active',
  spelling: destinationText(more.destination ?? destination),
  ...more,
});

/** The local route that EC2 creates in every table for each CIDR block of the VPC. */
export const local = (destination: string): ActualRoute =>
  actual(route(destination, 'local'), { origin: 'with-table' });

export const propagated = (destination: string, target = 'vgw-aaaaaaaa'): ActualRoute =>
  actual(route(destination, target), { origin: 'propagated' });

/** A route through the interface of an instance of the given account. EC2 reports both. */
export const throughInstance = (
  destination: string,
  { eni = 'eni-aaaaaaaa', instance = 'i-aaaaaaaa', owner = ownerId } = {},
): ActualRoute => actual(route(destination, eni), { instance: { id: instance, ownerId: owner } });

/** A route that VPC Lattice created. */
export const lattice = (prefixList: string): ActualRoute =>
  actual(route(prefixList, 'local'), { target: { kind: 'lattice' } });

export const table = (
  routes: readonly ActualRoute[],
  more: Partial<Omit<ActualTable, 'routes'>> = {},
): ActualTable => ({ routeTableId, vpcId: 'vpc-aaaaaaaa', ownerId, tags: {}, routes, ...more });

/** A target, or a target and its alternates. */
export type Listed = string | readonly [string, ...string[]];

/**
 * A desired item: `{ '10.0.0.0/16': 'pcx-aaaaaaaa' }` as its `routes`, and any other fields. A list gives the target and
 * its alternates.
 */
export const item = (
  routes: Readonly<Record<string, Listed>> = {},
  fields: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> => ({
  routeTableId,
  routes: Object.entries(routes).map(([destination, listed]) => {
    const [target, ...alternates] = typeof listed === 'string' ? [listed] : listed;
    return { destination, target, ...(alternates.length > 0 && { alternates }) };
  }),
  ...fields,
});

/** Parses a desired item. Throws with its problems if it is not valid. */
export function desired(...given: Parameters<typeof item>): DesiredTable {
  const parsed = parseDesired(item(...given), now);
  if (!parsed.ok) throw new TypeError(`not a valid desired item: ${JSON.stringify(parsed.problems)}`);
  return parsed.table;
}

/** An item under an approval of these routes: destinations and targets. */
export const approving = (
  table: DesiredTable,
  routes: Readonly<Record<string, string>>,
  more: Partial<Approval> = {},
): DesiredTable =>
  underOrders(table, {
    ...noOrders,
    approval: {
      routes: Object.entries(routes).map(([destination, target]) => ({ destination, target })),
      by: 'alice',
      at: now.toISOString(),
      until: minutesAfter(60),
      desiredHash: desiredHash(table),
      ...more,
    },
  });

/** A memory of these destinations. */
export const memory = (
  destinations: Readonly<Record<string, Remembered>> = {},
  more: Partial<Omit<Memory, 'destinations'>> = {},
): Memory => ({ ...emptyMemory, destinations: new Map(Object.entries(destinations)), ...more });

/** The stable part of findings: code and destination. */
export const codes = (findings: readonly Finding[]): string[] =>
  findings.map(({ code, destination }) => (destination === undefined ? code : `${code} ${destination}`));

function valueOf<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new TypeError(`expected ${parsed.expected}`);
  return parsed.value;
}
