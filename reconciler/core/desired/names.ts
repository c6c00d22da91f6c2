import type { DesiredTable } from './desired.ts';
import { type ActualTable, destinationText, targetNames, targetText } from '../route/route.ts';

/** The index lists under this name every table that was managed when it was last read. */
export const managed = 'managed';

/**
 * Every id by which an event may concern a table, sorted: its actual and desired targets, its prefix lists, its
 * associations and its VPC. The name `managed`, which all tables share, is included.
 */
export function namesOf({ routes }: DesiredTable, actual: ActualTable): readonly string[] {
  const names: readonly (string | undefined)[] = [
    actual.vpcId,
    ...(actual.associations ?? []),
    ...routes.flatMap(({ destination, target }) => [destinationText(destination), targetText(target)]),
    ...actual.routes.flatMap((route) => [destinationText(route.destination), ...targetNames(route)]),
  ];
  const ids = names.filter((name): name is string => name !== undefined && isId.test(name));
  return [...new Set([...ids, managed])].sort();
}

/** Excludes CIDR blocks, words such as `local`, and ARNs: events do not name them. */
const isId = /^[a-z]+-[0-9a-f]+$/;
