import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { ClientConfig } from '../stack.ts';
import { Alarms } from './alarms.ts';
import { measurementsIn } from './emf.ts';
import { logTail } from './log-tail.ts';
import { metricWriter, putMetricData } from './measurement.ts';
import { queueDepths } from './queue-depths.ts';

export interface WatchOptions {
  /**
   * The time between two looks at logs, queues and alarms.
   * @default 500
   */
  readonly pollEveryMs?: number;
  /** Told of every state that an alarm goes into, and of calls that failed. */
  readonly log?: (line: string) => void;
}

/** What CloudWatch does by itself on AWS, going on beside a local stack. */
export interface Watch {
  /** Ends it, once what is under way is done. */
  stop(): Promise<void>;
}

/** What a function logs arrives this much after it was measured, at most; alarms wait for it. */
const delayMs = 2_000;

/**
 * Makes alarms real on MiniStack: turns log lines in the embedded metric format into metrics, measures the queues, and
 * evaluates the alarms by CloudWatch's rules, each in the periods it was given. MiniStack carries out their actions.
 *
 * Lines logged before are left out. One watch at a time: two would count every line twice.
 */
export function startWatching(
  aws: ClientConfig,
  { pollEveryMs = 500, log = () => undefined }: WatchOptions = {},
): Watch {
  const cloudwatch = new CloudWatchClient(aws);
  const sqs = new SQSClient(aws);
  const newLines = logTail(new CloudWatchLogsClient(aws), '"CloudWatchMetrics"', new Date());
  const write = metricWriter(putMetricData(cloudwatch));
  const alarms = new Alarms(cloudwatch, log);
  const stopping = new AbortController();

  let step = 60;
  let measured: number | undefined;
  const look = async () => {
    const now = new Date();
    await write((await newLines()).flatMap(measurementsIn));
    // Every period needs a depth, none needs two.
    const current = Math.floor(now.getTime() / (step * 1_000));
    if (current !== measured) await write(await queueDepths(sqs, now));
    measured = current;
    step = await alarms.evaluate(new Date(now.getTime() - delayMs));
  };

  const watching = (async () => {
    while (!stopping.signal.aborted) {
      await look().catch((error: unknown) => log(`failed: ${error instanceof Error ? error.message : String(error)}`));
      await sleep(pollEveryMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: () => {
      stopping.abort();
      return watching;
    },
  };
}
