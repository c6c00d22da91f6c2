import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { ClientConfig } from '../client-config.ts';
import { Alarms } from './alarms.ts';
import { measurementsIn } from './emf.ts';
import { logTail } from './log-tail.ts';
import { metricWriter, putMetricData } from './measurement.ts';
import { queueDepths } from './queue-depths.ts';

export interface WatchOptions {
  /**
   * The time between two polls of logs, queues and alarms, in milliseconds.
   * @default 500
   */
  readonly pollEveryMs?: number;
  /** Receives a line for every state change of an alarm and every failed call. */
  readonly log?: (line: string) => void;
}

/** Does for a local stack what CloudWatch does by itself on AWS. */
export interface Watch {
  /** Finishes the current poll and stops. */
  stop(): Promise<void>;
}

/** A log line arrives at most this long after its measurement. Alarms are evaluated with this delay. */
const delayMs = 2_000;

/**
 * Makes alarms work on MiniStack: turns log lines in the embedded metric format into metrics, measures the queues, and
 * evaluates each alarm by CloudWatch's rules, in the alarm's own periods. MiniStack carries out the alarm actions.
 *
 * Skips lines logged before the start. Run only one watch at a time: two would count every line twice.
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
    // Each period needs exactly one depth.
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
