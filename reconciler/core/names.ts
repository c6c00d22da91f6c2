import type { DesiredTable } from './desired.ts';
import { type ActualTable, destinationText, targetNames, targetText } from './route.ts';

/** The name under which every table is found that is managed, or was when it was last looked at. */
export const managed = 'managed';

/**
 * Every id by which an event may concern a table, sorted: the targets it has and should have, its prefix lists,
 * associations, and its VPC; and the name that all of them share.
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

/** Not a CIDR block, not a word such as `local`, not an ARN: no event tells of those. */
const isId = /^[a-z]+-[0-9a-f]+$/;
