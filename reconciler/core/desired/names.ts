import { type DesiredTable, targetsOf } from './desired.ts';
import { type ActualTable, destinationText, targetNames, targetText } from '../route/route.ts';

/** Under this name, the index lists every table that was managed at its last reconcile. */
export const managed = 'managed';

/**
 * Every id by which an event may refer to a table, sorted: its actual targets, those that it may have, its prefix lists, its
 * associations and its VPC. Includes the name `managed`, which all tables share.
 *
 * @param instances instances that were last seen behind interfaces which the table may use
 */
export function namesOf(
  { routes }: DesiredTable,
  actual: ActualTable,
  instances: readonly string[],
): readonly string[] {
  const names: readonly (string | undefined)[] = [
    actual.vpcId,
    ...instances,
    ...(actual.associations ?? []),
    ...routes.flatMap((route) => [destinationText(route.destination), ...targetsOf(route).map(targetText)]),
    ...actual.routes.flatMap((route) => [destinationText(route.destination), ...targetNames(route)]),
  ];
  const ids = names.filter((name): name is string => name !== undefined && isId.test(name));
  return [...new Set([...ids, managed])].sort();
}

/** Excludes CIDR blocks, words such as `local`, and ARNs: events do not name them. */
const isId = /^[a-z]+-[0-9a-f]+$/;
