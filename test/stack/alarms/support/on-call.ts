import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricStatisticsCommand,
  type MetricAlarm,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  type Statistic,
  paginateDescribeAlarms,
} from '@aws-sdk/client-cloudwatch';
import { SNSClient, SubscribeCommand, UnsubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { expect, inject } from 'vitest';
import { z } from 'zod';
import type { AlarmState } from '../../../../local/cloudwatch/evaluate.ts';
import { type Watch, startWatching } from '../../../../local/cloudwatch/watch.ts';
import { accountId } from '../../../../local/emulators.ts';
import { connect } from '../../../../local/stack.ts';
import { eventually } from '../../support/eventually.ts';

/** What the topic says of an alarm that changed its state. */
export type Told = z.infer<typeof toldSchema>;

const toldSchema = z.object({
  AlarmName: z.string(),
  OldStateValue: z.string(),
  NewStateValue: z.string(),
  NewStateReason: z.string(),
});

const change = ({ OldStateValue, NewStateValue }: Told): string => `${OldStateValue} → ${NewStateValue}`;

/** A metric, as alarms name it. */
export type Metric = Pick<MetricAlarm, 'Namespace' | 'MetricName' | 'Dimensions'>;

/**
 * Whoever is on call for the local stack: lets alarms be evaluated as on AWS, sees their states, and gets what their
 * topic sends, into a queue of their own.
 */
export class OnCall {
  readonly #cloudwatch: CloudWatchClient;
  readonly #sqs: SQSClient;
  readonly #sns: SNSClient;
  readonly #watch: Watch;
  readonly #queueUrl: string;
  readonly #subscriptionArn: string | undefined;
  readonly #told: Told[] = [];
  /** Alarms as they were before a test changed them. */
  readonly #originals = new Map<string, MetricAlarm>();

  private constructor(clients: Clients, watch: Watch, queueUrl: string, subscriptionArn: string | undefined) {
    this.#cloudwatch = clients.cloudwatch;
    this.#sqs = clients.sqs;
    this.#sns = clients.sns;
    this.#watch = watch;
    this.#queueUrl = queueUrl;
    this.#subscriptionArn = subscriptionArn;
  }

  /** Goes on call for the stack that all tests share: from here on, until `close`, its alarms follow their metrics. */
  static async open(): Promise<OnCall> {
    const address = inject('stack');
    const { aws } = connect(address);
    const clients = { cloudwatch: new CloudWatchClient(aws), sqs: new SQSClient(aws), sns: new SNSClient(aws) };
    const TopicArn = address.outputs['AlarmTopicArn'];
    const QueueName = `on-call-${Date.now()}`;
    const queueArn = `arn:aws:sqs:${address.region}:${accountId}:${QueueName}`;
    const { QueueUrl = '' } = await clients.sqs.send(
      new CreateQueueCommand({ QueueName, Attributes: { Policy: letIn(`${TopicArn}`, queueArn) } }),
    );
    const { SubscriptionArn } = await clients.sns.send(
      new SubscribeCommand({
        TopicArn,
        Protocol: 'sqs',
        Endpoint: queueArn,
        Attributes: { RawMessageDelivery: 'true' },
      }),
    );
    return new OnCall(clients, startWatching(aws, { pollEveryMs: 200 }), QueueUrl, SubscriptionArn);
  }

  async close(): Promise<void> {
    await this.#watch.stop();
    for (const alarm of this.#originals.values()) await this.put(alarm);
    await this.#sns.send(new UnsubscribeCommand({ SubscriptionArn: this.#subscriptionArn }));
    await this.#sqs.send(new DeleteQueueCommand({ QueueUrl: this.#queueUrl }));
  }

  /** The deployed alarm of this id in the construct `Alarms`. */
  async alarm(id: string): Promise<MetricAlarm> {
    const found = (await this.alarms()).filter(({ AlarmName }) =>
      new RegExp(`Alarms${id}[0-9A-F]{8}`).test(`${AlarmName}`),
    );
    const [alarm, ...others] = found;
    if (!alarm || others.length > 0) throw new Error(`expected one alarm ${id}, found ${found.length}`);
    return alarm;
  }

  /** All alarms as they are now. */
  async alarms(): Promise<MetricAlarm[]> {
    const alarms: MetricAlarm[] = [];
    for await (const { MetricAlarms = [] } of paginateDescribeAlarms({ client: this.#cloudwatch }, {})) {
      alarms.push(...MetricAlarms);
    }
    return alarms;
  }

  async put({ AlarmName, EvaluationPeriods, ComparisonOperator, ...alarm }: MetricAlarm): Promise<void> {
    const rest: Partial<PutMetricAlarmCommandInput> = alarm;
    await this.#cloudwatch.send(
      new PutMetricAlarmCommand({ AlarmName, EvaluationPeriods, ComparisonOperator, ...rest }),
    );
  }

  /** Shortens the periods of a deployed alarm as long as tests run, so that nobody waits for minutes. */
  async shorten(id: string, Period = 2): Promise<MetricAlarm> {
    const alarm = await this.alarm(id);
    this.#originals.set(`${alarm.AlarmName}`, this.#originals.get(`${alarm.AlarmName}`) ?? alarm);
    await this.put({ ...alarm, Period });
    return { ...alarm, Period };
  }

  async state({ AlarmName = '' }: MetricAlarm): Promise<AlarmState | undefined> {
    const { MetricAlarms: [alarm] = [] } = await this.#cloudwatch.send(
      new DescribeAlarmsCommand({ AlarmNames: [AlarmName] }),
    );
    return alarm?.StateValue;
  }

  /** Waits until an alarm is in this state. */
  async reaches(alarm: MetricAlarm, state: AlarmState, { seconds = 30 } = {}): Promise<void> {
    await eventually(async () => expect(await this.state(alarm)).toBe(state), { seconds });
  }

  /** Waits until the topic says that an alarm went from one state to another, and returns what it says. */
  async told(alarm: MetricAlarm, from: AlarmState, to: AlarmState, { seconds = 30 } = {}): Promise<Told> {
    return eventually(
      async () => {
        const all = await this.changes(alarm);
        const told = this.#told.find(
          (each) => each.AlarmName === alarm.AlarmName && change(each) === `${from} → ${to}`,
        );
        if (!told) throw new Error(`nothing says ${from} → ${to} of ${alarm.AlarmName}, only: ${all.join(', ')}`);
        return told;
      },
      { seconds },
    );
  }

  /** All that the topic has said about an alarm so far, as `OK → ALARM`. */
  async changes(alarm: MetricAlarm): Promise<string[]> {
    await this.#receive();
    return this.#told.filter(({ AlarmName }) => AlarmName === alarm.AlarmName).map(change);
  }

  /** A statistic of what was measured in the last ten minutes; undefined if nothing was. */
  async statistic(metric: Metric, statistic: Statistic): Promise<number | undefined> {
    const now = Date.now();
    const { Datapoints: [datapoint] = [] } = await this.#cloudwatch.send(
      new GetMetricStatisticsCommand({
        Namespace: metric.Namespace,
        MetricName: metric.MetricName,
        Dimensions: metric.Dimensions,
        Statistics: [statistic],
        StartTime: new Date(now - 600_000),
        EndTime: new Date(now + 60_000),
        // So long that it begins at the epoch: one datapoint for everything.
        Period: 2 ** 31,
      }),
    );
    return datapoint?.[statistic];
  }

  async #receive(): Promise<void> {
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({ QueueUrl: this.#queueUrl, MaxNumberOfMessages: 10 }),
    );
    if (Messages.length === 0) return;
    this.#told.push(...Messages.map(({ Body = '' }) => toldSchema.parse(JSON.parse(Body))));
    await this.#sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: this.#queueUrl,
        Entries: Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    );
  }
}

interface Clients {
  readonly cloudwatch: CloudWatchClient;
  readonly sqs: SQSClient;
  readonly sns: SNSClient;
}

/** The policy of a queue that takes what a topic sends. */
function letIn(topicArn: string, queueArn: string): string {
  const Statement = [
    {
      Effect: 'Allow',
      Principal: { Service: 'sns.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: queueArn,
      Condition: { ArnEquals: { 'aws:SourceArn': topicArn } },
    },
  ];
  return JSON.stringify({ Version: '2012-10-17', Statement });
}
