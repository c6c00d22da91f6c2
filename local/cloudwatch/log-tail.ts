import {
  type CloudWatchLogsClient,
  FilterLogEventsCommand,
  type FilteredLogEvent,
  paginateDescribeLogGroups,
} from '@aws-sdk/client-cloudwatch-logs';

/**
 * How far out of order lines may arrive: invocations run in parallel, so a line may appear after one with a later
 * timestamp. Lines that arrive even later are missed.
 */
const latenessMs = 15_000;

/**
 * Follows all log groups, including new ones. Each call returns the matching lines that have arrived since the previous
 * call, each line once. The lines that a failed call has read come with the next one.
 *
 * @param since skip lines with an earlier timestamp
 */
export function logTail(
  logs: CloudWatchLogsClient,
  filterPattern: string,
  since: Date,
): () => Promise<readonly string[]> {
  const groups = new Map<string, LineCounter>();
  let lines: string[] = [];
  return async () => {
    for await (const { logGroups = [] } of paginateDescribeLogGroups({ client: logs }, {})) {
      for (const { logGroupName = '' } of logGroups) {
        const counter = groups.get(logGroupName) ?? new LineCounter(since.getTime());
        groups.set(logGroupName, counter);
        // MiniStack returns the oldest 10,000 lines and no token. The next call continues from there.
        const { events = [] } = await logs.send(
          new FilterLogEventsCommand({ logGroupName, filterPattern, startTime: counter.from }),
        );
        lines.push(...counter.unseen(events));
      }
    }
    const arrived = lines;
    lines = [];
    return arrived;
  };
}

/** Tracks which lines of a log group were seen. MiniStack gives lines no ids, so equal lines are counted. */
export class LineCounter {
  readonly #since: number;
  #newest: number;
  #seen = new Map<string, { readonly time: number; readonly count: number }>();

  constructor(since: number) {
    this.#since = since;
    this.#newest = since;
  }

  /** The time from which to read lines, in epoch milliseconds. */
  get from(): number {
    return Math.max(this.#since, this.#newest - latenessMs);
  }

  /** Takes all lines since `from` and returns the messages of the new ones. */
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
