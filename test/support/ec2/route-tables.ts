import { ChangeFailed } from '../../../reconciler/apply.ts';
import { failureOf, isThrottled } from '../../../reconciler/aws/ec2/errors.ts';
import { actualTable, changeRequest } from '../../../reconciler/aws/ec2/route-codec.ts';
import type { Change } from '../../../reconciler/core/route/change.ts';
import type { ActualTable } from '../../../reconciler/core/route/route.ts';
import { bulkReads } from '../../../reconciler/bulk-reads.ts';
import type { RouteTables } from '../../../reconciler/ports.ts';
import type { InMemoryEc2, RouteCalls } from './in-memory-ec2.ts';

const idsPerRead = 200;
const tablesPerPage = 100;

/**
 * The reconciler's EC2 adapter with the real codec and the real handling of errors, but without the SDK and its
 * retries.
 */
export function inMemoryRouteTables(
  ec2: InMemoryEc2,
  {
    caller = 'reconciler',
    throttled = () => undefined,
    now = () => new Date(),
    accountId,
  }: {
    caller?: string;
    throttled?: (action: Change['action']) => unknown;
    now?: () => Date;
    accountId?: string;
  } = {},
): RouteTables {
  const reader = ec2.as(caller);
  const isForeign = ({ ownerId }: ActualTable): boolean => accountId !== undefined && ownerId !== accountId;

  async function* readMany(routeTableIds: readonly string[]): AsyncGenerator<ActualTable, undefined> {
    for (let start = 0; start < routeTableIds.length; start += idsPerRead)
      for await (const table of pages(reader, routeTableIds.slice(start, start + idsPerRead)))
        if (!isForeign(table)) yield table;
    return undefined;
  }

  return {
    readMany,
    together: (ids) => bulkReads(ids, { readMany, now }),
    async read(routeTableId) {
      for await (const table of pages(reader, [routeTableId]))
        return isForeign(table) ? { ...table, isForeign: true } : table;
      return undefined;
    },
    async apply(routeTableId, change, { withinMs }) {
      const writer = ec2.as(caller, withinMs);
      const request = changeRequest(routeTableId, change);
      try {
        if (request.action === 'create') await writer.createRoute(request.input);
        else if (request.action === 'replace') await writer.replaceRoute(request.input);
        else await writer.deleteRoute(request.input);
      } catch (cause) {
        if (isThrottled(cause)) throttled(change.action);
        throw new ChangeFailed(failureOf(cause), { cause });
      }
    },
  };
}

async function* pages(reader: RouteCalls, ids: readonly string[]): AsyncGenerator<ActualTable, undefined> {
  let token: string | undefined;
  do {
    const { RouteTables = [], NextToken } = await reader.describeRouteTables({
      Filters: [{ Name: 'route-table-id', Values: [...ids] }],
      MaxResults: tablesPerPage,
      ...(token !== undefined && { NextToken: token }),
    });
    yield* RouteTables.map(actualTable);
    token = NextToken;
  } while (token !== undefined);
  return undefined;
}
