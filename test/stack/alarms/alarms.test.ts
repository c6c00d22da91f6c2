import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { PurgeQueueCommand, SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../../local/stack.ts';
import { eventually } from '../support/eventually.ts';
import { type Metric, OnCall } from './support/on-call.ts';
import { type SmallFunction, deployFunction } from './support/small-function.ts';
import { localStack } from '../support/local-stack.ts';

let onCall: OnCall;
beforeAll(async () => {
  onCall = await OnCall.open();
});
afterAll(() => onCall.close());

const namespace = `Alarms-${Date.now()}`;

const metric = (MetricName: string): Metric => ({
  Namespace: namespace,
  MetricName,
  Dimensions: [{ Name: 'service', Value: 'test' }],
});

/** A log line as Powertools writes it. */
const line = (name: string, value: number | readonly number[]): string =>
  JSON.stringify({
    _aws: {
      Timestamp: Date.now(),
      CloudWatchMetrics: [
        { Namespace: namespace, Dimensions: [['service']], Metrics: [{ Name: name, Unit: 'Count' }] },
      ],
    },
    service: 'test',
    [name]: value,
  });

describe.concurrent('a log line in the embedded metric format', () => {
  it('becomes one datapoint with the time it names, if a deployed function writes it', async () => {
    const logging = await deployFunction(
      'measures',
      `const line = ${line('Healed', 3)};
       line._aws.Timestamp = Date.now();
       process.stdout.write(JSON.stringify(line) + '\\n');
       console.log('something else');`,
    );
    await logging.call();
    await logging.call();
    await eventually(async () => expect(await onCall.statistic(metric('Healed'), 'SampleCount')).toBe(2));
    await logging.call();
    await eventually(async () => expect(await onCall.statistic(metric('Healed'), 'SampleCount')).toBe(3));
    expect(await onCall.statistic(metric('Healed'), 'Sum')).toBe(9);
    expect(await onCall.statistic({ ...metric('Healed'), Dimensions: [] }, 'Sum')).toBeUndefined();
    await logging.remove();
  });

  it('is found with all its values in any log group, even after broken lines', async () => {
    const logs = new CloudWatchLogsClient(connect(localStack()).aws);
    const [logGroupName, logStreamName] = [`/test/${namespace}`, 'stream'];
    await logs.send(new CreateLogGroupCommand({ logGroupName }));
    await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    const broken = ['{"_aws":{"CloudWatchMetrics":', '{"_aws":{"CloudWatchMetrics":7}}', 'CloudWatchMetrics'];
    await logs.send(
      new PutLogEventsCommand({
        logGroupName,
        logStreamName,
        logEvents: [...broken, line('Values', [1, 2, 6])].map((message) => ({ message, timestamp: Date.now() })),
      }),
    );
    await eventually(async () => expect(await onCall.statistic(metric('Values'), 'SampleCount')).toBe(3));
    expect(await onCall.statistic(metric('Values'), 'Maximum')).toBe(6);
    await logs.send(new DeleteLogGroupCommand({ logGroupName }));
  });
});

const functionName = (Value: string) => [{ Name: 'FunctionName', Value }];

describe.concurrent('invocations', () => {
  it('count in AWS/Lambda with their outcome, including those started by events', async () => {
    const [works, fails, throttled] = await Promise.all([
      deployFunction('works', 'return {};'),
      deployFunction('fails', `throw new Error('as intended');`),
      deployFunction('throttled', 'return {};'),
    ]);
    const of = async ({ name }: SmallFunction): Promise<unknown> => {
      const sums = ['Invocations', 'Errors', 'Throttles'].map((MetricName) =>
        onCall.statistic({ Namespace: 'AWS/Lambda', MetricName, Dimensions: functionName(name) }, 'Sum'),
      );
      const [invocations, errors, throttles] = await Promise.all(sums);
      return { invocations, errors, throttles };
    };
    await throttled.throttle();
    await Promise.all([works, fails].flatMap(({ call, trigger }) => [call(), trigger()]));
    await expect(throttled.call()).rejects.toThrow('Rate Exceeded');
    await throttled.trigger();

    await eventually(async () => {
      expect(await of(works)).toEqual({ invocations: 2, errors: 0, throttles: 0 });
      expect(await of(fails)).toEqual({ invocations: 2, errors: 2, throttles: 0 });
      expect(await of(throttled)).toEqual({ throttles: 2 });
    });
    await Promise.all([works, fails, throttled].map(({ remove }) => remove()));
  });
});

describe.concurrent('a message in a dead-letter queue', () => {
  it('raises only the alarm of that queue, and ends it when the message is gone; the topic reports both', async () => {
    const sqs = new SQSClient(connect(localStack()).aws);
    const QueueUrl = localStack().outputs['FailedRequeuesQueueUrl'];
    const alarm = await onCall.shorten('FailedRequeuesWaiting');
    const other = await onCall.shorten('FailedRecordsWaiting');
    await Promise.all([onCall.reaches(alarm, 'OK'), onCall.reaches(other, 'OK')]);

    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'nobody could process this' }));
    const raised = await onCall.told(alarm, 'OK', 'ALARM');
    expect(raised.NewStateReason).toContain('GreaterThanOrEqualToThreshold 1');
    expect(await onCall.state(alarm)).toBe('ALARM');
    expect(await onCall.state(other)).toBe('OK');

    await sqs.send(new PurgeQueueCommand({ QueueUrl }));
    await onCall.told(alarm, 'ALARM', 'OK');
    expect(await onCall.state(alarm)).toBe('OK');
    expect((await onCall.changes(alarm)).slice(-2)).toEqual(['OK → ALARM', 'ALARM → OK']);
    expect(await onCall.changes(other)).not.toContain('OK → ALARM');
  });
});
