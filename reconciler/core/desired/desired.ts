import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { crossChecks, tooLong } from './checks.ts';
import { type DesiredItem, desiredItemSchema, ignoreEntryOf, ignoreSchema, must, routeSchema } from './schema.ts';
import type { Finding } from './finding.ts';
import type { IgnoreEntry } from './ignore.ts';
import type { Orders, Pause } from './orders.ts';
import { type Problem, at, foundText, pathText } from './problem.ts';
import {
  type ActualRoute,
  type Destination,
  type Route,
  type Target,
  destinationText,
  parseDestination,
  parseTarget,
  sameTarget,
} from '../route/route.ts';

/** A parsed and valid desired item: what one route table should contain, and how to keep it that way. */
export interface DesiredTable {
  readonly routeTableId: string;
  readonly routes: readonly DesiredRoute[];
  readonly mode: 'enforce' | 'observe';
  readonly unlisted: 'delete' | 'keep';
  /** Only destinations equal to or inside one of these are managed; absent means the whole table. */
  readonly scope?: readonly Destination[];
  readonly ignore: readonly IgnoreEntry[];
  /** A plan with more deletes than this needs approval. If absent, the default of `guard.ts` applies. */
  readonly maxDeletes?: number;
  readonly paused?: Pause;
  /** What is ordered apart from the item. */
  readonly orders?: Orders;
  /** The last valid version of an item that is invalid now: what only an edit earned is not deleted. */
  readonly isLastValid?: true;
  /** Notes about accepted input, such as cleared host bits. */
  readonly findings: readonly Finding[];
}

export interface DesiredRoute extends Route {
  /** Other targets that the route may have, in the order in which they are tried. */
  readonly alternates: readonly Target[];
  /** Whether the local route of this destination may be retargeted. */
  readonly overrideLocal: boolean;
}

/** Every target that a listed route may have, the listed one first. */
export const targetsOf = ({ target, alternates }: DesiredRoute): readonly Target[] => [target, ...alternates];

/** Which of these targets an actual route has, if any. */
export const listedTargetOf = (wanted: DesiredRoute, route: ActualRoute): Target | undefined =>
  targetsOf(wanted).find((target) => sameTarget(target, route));

/**
 * Parses an untrusted desired item. Returns a valid table, or **every** problem in the item, sorted by path.
 *
 * Pure and total. The time it takes is linear in the size of the item: if a list has too many entries, nothing else is
 * checked. Host bits are accepted and cleared (finding `host-bits`). A listed route under an `ignore` entry
 * without an end is a problem; under an entry with an end it is suspended.
 */
export function parseDesired(
  item: unknown,
  now: Date,
): { readonly ok: true; readonly table: DesiredTable } | { readonly ok: false; readonly problems: readonly Problem[] } {
  const tooLarge = tooLong(item);
  if (tooLarge.length > 0) return { ok: false, problems: tooLarge };
  const shape = desiredItemSchema.safeParse(item);
  const problems = [
    ...(shape.success ? [] : shape.error.issues.flatMap((issue) => problemsOf(issue, item))),
    ...crossChecks(item, now),
  ];
  return shape.success && problems.length === 0
    ? { ok: true, table: tableOf(shape.data) }
    : { ok: false, problems: problems.sort((a, b) => a.path.localeCompare(b.path, 'en', { numeric: true })) };
}

/** At most this many unknown fields of one map are reported. */
const unknownFieldsAtMost = 100;

function tableOf(item: DesiredItem): DesiredTable {
  const { routeTableId, mode, unlisted, maxDeletes, paused } = item;
  return {
    routeTableId,
    mode,
    unlisted,
    routes: item.routes.map(({ destination, target, alternates = [], overrideLocal }) => ({
      destination: must(parseDestination(destination)),
      target: must(parseTarget(target)),
      alternates: alternates.map((id) => must(parseTarget(id))),
      overrideLocal: overrideLocal ?? false,
    })),
    ...(item.scope && { scope: item.scope.map((text) => must(parseDestination(text))) }),
    ignore: item.ignore.map(ignoreEntryOf),
    ...(maxDeletes !== undefined && { maxDeletes }),
    ...(paused && {
      paused: { reason: paused.reason, of: 'item', ...(paused.until && { until: new Date(paused.until) }) },
    }),
    findings: [
      ...item.routes.flatMap(({ destination, target }) => hostBits(destination, target)),
      ...(item.scope ?? []).flatMap((text) => hostBits(text)),
      ...item.ignore.flatMap(({ destination }) => hostBits(destination ?? '')),
    ],
  };
}

function hostBits(text: string, target?: string): Finding[] {
  const parsed = parseDestination(text);
  if (!parsed.ok || !parsed.hostBits) return [];
  const destination = destinationText(parsed.value);
  const message = `${text} has host bits set; it is read as ${destination}, as EC2 would store it`;
  return [{ code: 'host-bits', destination, ...(target !== undefined && { target }), message }];
}

function problemsOf(issue: z.core.$ZodIssue, item: unknown): Problem[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, unknownFieldsAtMost).map((key) => ({
      path: pathText([...path, foundText(key)]),
      found: foundText(at(item, [...path, key])),
      message: `unknown field: ${nearest(key, knownFields(path))}`,
    }));
  }
  return [{ path: pathText(path), found: foundText(at(item, path)), message: issue.message }];
}

function knownFields(path: readonly PropertyKey[]): readonly string[] {
  const schemas: Record<string, z.ZodObject> = { routes: routeSchema, ignore: ignoreSchema };
  const schema = path.length === 0 ? desiredItemSchema : schemas[String(path[0])];
  return schema ? Object.keys(schema.shape) : ['reason', 'until'];
}

function nearest(key: string, known: readonly string[]): string {
  const names = new Map(known.map((name) => [name.toLowerCase(), name]));
  const candidate = closest(key.toLowerCase(), [...names.keys()]);
  return distance(key.toLowerCase(), candidate) <= 3
    ? `did you mean ${names.get(candidate)}?`
    : `expected one of ${known.join(', ')}`;
}
