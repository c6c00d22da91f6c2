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
import { expect } from 'vitest';
import { z } from 'zod';
import type { AlarmState } from '../../../../local/cloudwatch/evaluate.ts';
import { type Watch, startWatching } from '../../../../local/cloudwatch/watch.ts';
import { connect } from '../../../../local/stack.ts';
import { eventually } from '../../support/eventually.ts';
import { Inbox } from '../../support/inbox.ts';
import { localStack } from '../../support/local-stack.ts';

/** The topic's message about a state change of an alarm. */
export type Told = z.infer<typeof toldSchema>;

const toldSchema = z.object({
  AlarmName: z.string(),
  OldStateValue: z.string(),
  NewStateValue: z.string(),
  NewStateReason: z.string(),
});

const change = ({ OldStateValue, NewStateValue }: Told): string => `${OldStateValue} → ${NewStateValue}`;

/** A metric as named by an alarm. */
export type Metric = Pick<MetricAlarm, 'Namespace' | 'MetricName' | 'Dimensions'>;

/**
 * The person on call for the local stack: evaluates the alarms as AWS does, reads their states, and receives the
 * messages of their topic in a separate queue.
 */
export class OnCall {
  readonly #cloudwatch: CloudWatchClient;
  readonly #sns: SNSClient;
  readonly #watch: Watch;
  readonly #inbox: Inbox;
  readonly #subscriptionArn: string | undefined;
  readonly #told: Told[] = [];
  /** Messages that are not about an alarm. */
  readonly #messages: string[] = [];
  /** The original alarms, before tests changed them. */
  readonly #originals = new Map<string, MetricAlarm>();

  private constructor(clients: Clients, watch: Watch, inbox: Inbox, subscriptionArn: string | undefined) {
    this.#cloudwatch = clients.cloudwatch;
    this.#sns = clients.sns;
    this.#watch = watch;
    this.#inbox = inbox;
    this.#subscriptionArn = subscriptionArn;
  }

  /** Goes on call for the stack that all tests share. Until `close`, its alarms follow their metrics. */
  static async open(): Promise<OnCall> {
    const address = localStack();
    const { aws } = connect(address);
    const clients = { cloudwatch: new CloudWatchClient(aws), sns: new SNSClient(aws) };
    const TopicArn = address.outputs['AlarmTopicArn'];
    const inbox = await Inbox.open('on-call', (queueArn) => letIn(`${TopicArn}`, queueArn));
    const { SubscriptionArn } = await clients.sns.send(
      new SubscribeCommand({
        TopicArn,
        Protocol: 'sqs',
        Endpoint: inbox.arn,
        Attributes: { RawMessageDelivery: 'true' },
      }),
    );
    return new OnCall(clients, startWatching(aws, { pollEveryMs: 200 }), inbox, SubscriptionArn);
  }

  async close(): Promise<void> {
    await this.#watch.stop();
    for (const alarm of this.#originals.values()) await this.put(alarm);
    await this.#sns.send(new UnsubscribeCommand({ SubscriptionArn: this.#subscriptionArn }));
    await this.#inbox.close();
  }

  /** The deployed alarm with this id in the construct `Alarms`. */
  async alarm(id: string): Promise<MetricAlarm> {
    const found = (await this.alarms()).filter(({ AlarmName }) => AlarmName === `RouteReconciler-${id}`);
    const [alarm, ...others] = found;
    if (!alarm || others.length > 0) throw new Error(`expected one alarm ${id}, found ${found.length}`);
    return alarm;
  }

  /** The current state of all alarms. */
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

  /** Shortens the periods of a deployed alarm until `close`, so that no test waits for minutes. */
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

  /** Waits until the topic reports a state change of an alarm, and returns the message. */
  async told(alarm: MetricAlarm, from: AlarmState, to: AlarmState, { seconds = 30 } = {}): Promise<Told> {
    return eventually(
      async () => {
        const all = await this.changes(alarm);
        const told = this.#told.find(
          (each) => each.AlarmName === alarm.AlarmName && change(each) === `${from} → ${to}`,
        );
        if (!told)
          throw new Error(`the topic did not report ${from} → ${to} for ${alarm.AlarmName}, only: ${all.join(', ')}`);
        return told;
      },
      { seconds },
    );
  }

  /** All state changes of an alarm that the topic has reported so far, such as `OK → ALARM`. */
  async changes(alarm: MetricAlarm): Promise<string[]> {
    await this.#receive();
    return this.#told.filter(({ AlarmName }) => AlarmName === alarm.AlarmName).map(change);
  }

  /** The messages about a table so far that are not about an alarm. */
  async messagesAbout(routeTableId: string): Promise<readonly string[]> {
    await this.#receive();
    return this.#messages.filter((message) => message.includes(routeTableId));
  }

  /** Waits for a message about a table with this first line, and returns its lines. */
  async message(routeTableId: string, subject: RegExp): Promise<readonly string[]> {
    return eventually(
      async () => {
        const all = (await this.messagesAbout(routeTableId)).map((text) => text.split('\n'));
        const found = all.find(([first = '']) => subject.test(first));
        if (!found) throw new Error(`no message about ${routeTableId} matches ${subject}: ${JSON.stringify(all)}`);
        return found;
      },
      { seconds: 30 },
    );
  }

  /** A statistic of the data since a time, by default of the last ten minutes; undefined without data. */
  async statistic(
    metric: Metric,
    statistic: Statistic,
    since = new Date(Date.now() - 600_000),
  ): Promise<number | undefined> {
    const { Datapoints: [datapoint] = [] } = await this.#cloudwatch.send(
      new GetMetricStatisticsCommand({
        Namespace: metric.Namespace,
        MetricName: metric.MetricName,
        Dimensions: metric.Dimensions,
        Statistics: [statistic],
        StartTime: since,
        EndTime: new Date(Date.now() + 60_000),
        // A period so long that it begins at the epoch, so there is a single datapoint.
        Period: 2 ** 31,
      }),
    );
    return datapoint?.[statistic];
  }

  async #receive(): Promise<void> {
    for (const body of await this.#inbox.receive()) {
      if (body.startsWith('{')) this.#told.push(toldSchema.parse(JSON.parse(body)));
      else this.#messages.push(body);
    }
  }
}

interface Clients {
  readonly cloudwatch: CloudWatchClient;
  readonly sns: SNSClient;
}

/** A queue policy that allows messages from a topic. */
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
