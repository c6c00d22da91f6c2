import {
  type CloudWatchLogsClient,
  FilterLogEventsCommand,
  type FilteredLogEvent,
  paginateDescribeLogGroups,
} from '@aws-sdk/client-cloudwatch-logs';

/**
 * A line may show up after another one with a later time: invocations end side by side. Lines that come
 * later still are not found.
 */
const latenessMs = 15_000;

/**
 * Follows all log groups, also those that are made later. Every call answers with the lines that match and came since
 * the last one, each line once.
 *
 * @param since lines of an earlier time are left out
 */
export function logTail(
  logs: CloudWatchLogsClient,
  filterPattern: string,
  since: Date,
): () => Promise<readonly string[]> {
  const groups = new Map<string, LineCounter>();
  return async () => {
    const lines: string[] = [];
    for await (const { logGroups = [] } of paginateDescribeLogGroups({ client: logs }, {})) {
      for (const { logGroupName = '' } of logGroups) {
        const counter = groups.get(logGroupName) ?? new LineCounter(since.getTime());
        groups.set(logGroupName, counter);
        // MiniStack answers with up to 10,000 lines, the oldest ones, and no token: the next call goes on from there.
        const { events = [] } = await logs.send(
          new FilterLogEventsCommand({ logGroupName, filterPattern, startTime: counter.from }),
        );
        lines.push(...counter.unseen(events));
      }
    }
    return lines;
  };
}

/** Knows which lines of a log group were seen. Lines have no ids in MiniStack: equal ones are told apart by their number. */
export class LineCounter {
  readonly #since: number;
  #newest: number;
  #seen = new Map<string, { readonly time: number; readonly count: number }>();

  constructor(since: number) {
    this.#since = since;
    this.#newest = since;
  }

  /** From when on lines have to be read, in epoch milliseconds. */
  get from(): number {
    return Math.max(this.#since, this.#newest - latenessMs);
  }

  /** Takes all lines since `from`, and answers with the messages of those that are new. */
  unseen(events: readonly FilteredLogEvent[]): string[] {
    const groups = Map.groupBy(events, ({ logStreamName, timestamp, message }) =>
      JSON.stringify([logStreamName, timestamp, message]),
    );
    const messages = [...groups].flatMap(([key, same]) => {
      const { timestamp = 0, message = '' } = same[0] ?? {};
      const known = this.#seen.get(key)?.count ?? 0;
      this.#seen.set(key, { time: timestamp, count: Math.max(known, same.length) });
      this.#newest = Math.max(this.#newest, timestamp);
      return Array.from({ length: Math.max(0, same.length - known) }, () => message);
    });
    this.#seen = new Map([...this.#seen].filter(([, { time }]) => time >= this.from));
    return messages;
  }
}
