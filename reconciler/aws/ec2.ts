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
import { type CallLimits, ChangeFailed, type Failure } from '../apply.ts';
import type { Change } from '../core/change.ts';
import type { ActualTable } from '../core/route.ts';
import type { RouteTables } from '../ports.ts';
import { failureOf } from './errors.ts';
import { TokenBucket } from './pace.ts';
import { actualTable, changeRequest } from './route-codec.ts';

/** EC2 takes at most this many values in one filter, and at most 100 tables on one page (EC2 API Reference). */
const idsPerRead = 200;
const tablesPerPage = 100;

/** Half of EC2's buckets for mutations (50, then 5 a second, shared by the whole account): others write routes, too. */
const mutationPace = { burst: 25, perSecond: 2.5 };

/**
 * Retries throttles and nothing else. After any other failure of a mutation nobody knows whether it was carried out,
 * and none of the route calls takes a client token: a blind second call could undo what somebody did in between.
 */
class RetryThrottlesOnly extends AdaptiveRetryStrategy {
  override async refreshRetryTokenForRetry(token: StandardRetryToken, error: RetryErrorInfo): Promise<RetryToken> {
    if (error.errorType !== 'THROTTLING') throw new Error('the outcome of the call is not known: it is not repeated');
    return super.refreshRetryTokenForRetry(token, error);
  }
}

/** A call that was not sent, for the first time or again: EC2 throttles, and the time to send it is over. */
class NotSent extends Error {
  override readonly name = 'NotSent';
}

const notSent: Failure = {
  kind: 'transient',
  code: 'RequestLimitExceeded',
  message: 'EC2 takes no more of these calls for the moment, and there was no time left to ask again',
  outcomeUnknown: false,
};

/**
 * EC2's route tables, through the AWS SDK.
 *
 * Reads retry by themselves. A read that fails throws, and never looks like an empty answer. `apply` sends exactly one
 * mutation, or several while EC2 throttles it and there is time to send them, and throws `ChangeFailed` and nothing else.
 *
 * @param accountId whose tables there are; without it, every table that EC2 shows. A VPC that is shared with an account
 *   shows it the owner's tables, and those are never ours to change
 */
export function ec2RouteTables(config: EC2ClientConfig = {}, accountId?: string): RouteTables {
  const patience = { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true };
  const reader = new EC2Client({ ...config, retryMode: 'adaptive', maxAttempts: 4, requestHandler: patience });
  const writer = new EC2Client({
    ...config,
    retryStrategy: new RetryThrottlesOnly(async () => 5),
    requestHandler: patience,
  });
  const buckets = {
    create: new TokenBucket(mutationPace),
    replace: new TokenBucket(mutationPace),
    delete: new TokenBucket(mutationPace),
  };

  const isThere = ({ ownerId }: ActualTable): boolean =>
    accountId === undefined || ownerId === undefined || ownerId === accountId;

  /** By filter: a table that does not exist is absent from the answer, where an unknown id would fail the whole call. */
  async function* readMany(routeTableIds: readonly string[]): AsyncGenerator<ActualTable, undefined> {
    for (let start = 0; start < routeTableIds.length; start += idsPerRead) {
      const ids = routeTableIds.slice(start, start + idsPerRead);
      const pages = paginateDescribeRouteTables(
        { client: reader, pageSize: tablesPerPage },
        { Filters: [{ Name: 'route-table-id', Values: ids }] },
      );
      for await (const page of pages) {
        if (!page.RouteTables) throw new TypeError('EC2 answered DescribeRouteTables without RouteTables');
        yield* page.RouteTables.map(actualTable).filter(isThere);
      }
    }
    return undefined;
  }

  async function read(routeTableId: string): Promise<ActualTable | undefined> {
    const { RouteTables: tables } = await reader.send(
      new DescribeRouteTablesCommand({ Filters: [{ Name: 'route-table-id', Values: [routeTableId] }] }),
    );
    if (!tables) throw new TypeError('EC2 answered DescribeRouteTables without RouteTables');
    return tables.map(actualTable).find((table) => table.routeTableId === routeTableId && isThere(table));
  }

  function send(routeTableId: string, change: Change, { withinMs, sendWithinMs }: CallLimits): Promise<unknown> {
    const request = changeRequest(routeTableId, change);
    const options = { abortSignal: AbortSignal.timeout(withinMs) };
    const inTime = sentUntil(performance.now() + sendWithinMs);
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

  const turn = (action: Change['action']): Promise<void> => buckets[action].take();

  return { read, readMany, turn, apply };
}

/** Has each request of a command, the first and those after a throttle, leave before an instant or not at all. */
const sentUntil =
  (end: number) =>
  <In extends object, Out extends object, C>(
    command: C & { readonly middlewareStack: MiddlewareStack<In, Out> },
  ): C => {
    // The SDK waits outside of this step: for its retries, and before a first request while it slows itself down.
    command.middlewareStack.add(
      (next) => (args) => {
        if (performance.now() >= end) throw new NotSent();
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
    return command;
  };
