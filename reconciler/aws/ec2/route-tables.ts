import {
  CreateRouteCommand,
  DeleteRouteCommand,
  DescribeRouteTablesCommand,
  EC2Client,
  type EC2ClientConfig,
  ReplaceRouteCommand,
  paginateDescribeRouteTables,
} from '@aws-sdk/client-ec2';
import type { MiddlewareStack, RetryErrorInfo, RetryToken, StandardRetryToken } from '@smithy/types';
import { AdaptiveRetryStrategy } from '@smithy/util-retry';
import { type CallLimits, ChangeFailed, type Failure } from '../../apply.ts';
import type { Change } from '../../core/route/change.ts';
import type { ActualTable } from '../../core/route/route.ts';
import { bulkReads } from '../../bulk-reads.ts';
import type { RouteTables, SharedReads } from '../../ports.ts';
import { batches } from './batches.ts';
import { failureOf, isThrottled } from './errors.ts';
import { actualTable, changeRequest } from './route-codec.ts';

/** EC2 returns at most 100 tables per page (EC2 API Reference). */
const tablesPerPage = 100;

/**
 * Retries throttled calls only. After any other failure, nobody knows whether the mutation was carried out. The route
 * calls take no client token, so a blind retry could undo what somebody else did in between.
 */
class RetryThrottlesOnly extends AdaptiveRetryStrategy {
  override async refreshRetryTokenForRetry(token: StandardRetryToken, error: RetryErrorInfo): Promise<RetryToken> {
    if (error.errorType !== 'THROTTLING')
      throw new Error('the outcome of the call is unknown, so the call is not retried');
    return super.refreshRetryTokenForRetry(token, error);
  }
}

/** A request or retry that was not sent, because EC2 throttled the call until its time was over. */
class NotSent extends Error {
  override readonly name = 'NotSent';
}

const notSent: Failure = {
  kind: 'transient',
  code: 'RequestLimitExceeded',
  message: 'EC2 throttles these calls, and there was no time left to retry',
  outcomeUnknown: false,
};

/**
 * EC2's route tables, through the AWS SDK.
 *
 * Reads are retried. A failed read throws; it never looks like an empty answer. `apply` sends one mutation, and repeats
 * it only while EC2 throttles it and there is time left. It throws `ChangeFailed` and nothing else.
 *
 * @param accountId the account that owns our tables; without it, no table counts as foreign. In a shared VPC, EC2 also
 *   shows the owner's tables, and those are never ours to change
 * @param throttled called for each answer that throttles a mutation, also if the SDK sends it again
 */
export function ec2RouteTables(
  config: EC2ClientConfig = {},
  accountId?: string,
  throttled: (action: Change['action']) => unknown = () => undefined,
): RouteTables {
  const patience = { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true };
  const reader = new EC2Client({ ...config, retryMode: 'adaptive', maxAttempts: 4, requestHandler: patience });
  const writer = new EC2Client({
    ...config,
    retryStrategy: new RetryThrottlesOnly(async () => 5),
    requestHandler: patience,
  });

  const isForeign = ({ ownerId }: ActualTable): boolean =>
    accountId !== undefined && ownerId !== undefined && ownerId !== accountId;

  /**
   * Reads by filter, so that a table that does not exist is absent from the answer. With `RouteTableIds`, one unknown
   * id would fail the whole call.
   */
  async function* readMany(routeTableIds: readonly string[]): AsyncGenerator<ActualTable, undefined> {
    for (const ids of batches(routeTableIds)) {
      const pages = paginateDescribeRouteTables(
        { client: reader, pageSize: tablesPerPage },
        { Filters: [{ Name: 'route-table-id', Values: [...ids] }] },
      );
      for await (const page of pages) {
        if (!page.RouteTables) throw new TypeError('EC2 answered DescribeRouteTables without RouteTables');
        yield* page.RouteTables.map(actualTable).filter((table) => !isForeign(table));
      }
    }
    return undefined;
  }

  async function read(routeTableId: string): Promise<ActualTable | undefined> {
    const { RouteTables: tables } = await reader.send(
      new DescribeRouteTablesCommand({ Filters: [{ Name: 'route-table-id', Values: [routeTableId] }] }),
    );
    if (!tables) throw new TypeError('EC2 answered DescribeRouteTables without RouteTables');
    const found = tables.map(actualTable).find((table) => table.routeTableId === routeTableId);
    return found && isForeign(found) ? { ...found, isForeign: true } : found;
  }

  function send(routeTableId: string, change: Change, { withinMs, sendWithinMs }: CallLimits): Promise<unknown> {
    const request = changeRequest(routeTableId, change);
    const options = { abortSignal: AbortSignal.timeout(withinMs) };
    const inTime = sentUntil(performance.now() + sendWithinMs, () => throttled(change.action));
    switch (request.action) {
      case 'create':
        return writer.send(inTime(new CreateRouteCommand(request.input)), options);
      case 'replace':
        return writer.send(inTime(new ReplaceRouteCommand(request.input)), options);
      case 'delete':
        return writer.send(inTime(new DeleteRouteCommand(request.input)), options);
      default:
        return request satisfies never;
    }
  }

  async function apply(routeTableId: string, change: Change, limits: CallLimits): Promise<void> {
    try {
      await send(routeTableId, change, limits);
    } catch (cause) {
      throw new ChangeFailed(cause instanceof NotSent ? notSent : failureOf(cause), { cause });
    }
  }

  const together = (routeTableIds: readonly string[]): SharedReads =>
    bulkReads(routeTableIds, { readMany, now: () => new Date() });

  return { read, readMany, together, apply };
}

/** Lets a command send requests and retries only before `end`. A later one fails with `NotSent`. */
const sentUntil =
  (end: number, throttled: () => unknown) =>
  <In extends object, Out extends object, C>(
    command: C & { readonly middlewareStack: MiddlewareStack<In, Out> },
  ): C => {
    // The SDK waits before this step: between retries, and before a first request when it limits its own rate.
    command.middlewareStack.add(
      (next) => async (args) => {
        if (performance.now() >= end) throw new NotSent();
        try {
          return await next(args);
        } catch (error) {
          if (isThrottled(error)) throttled();
          throw error;
        }
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
    return command;
  };
