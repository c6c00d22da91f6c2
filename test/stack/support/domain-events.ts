import {
  DeleteRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { inject } from 'vitest';
import { z } from 'zod';
import { accountId } from '../../../local/emulators.ts';
import { connect } from '../../../local/stack.ts';
import { type DetailType, eventSource } from '../../../reconciler/core/announce/domain-event.ts';
import { eventually } from './eventually.ts';

/** A domain event as EventBridge delivers it. */
export type Heard = z.infer<typeof heard>;

const heard = z.looseObject({
  source: z.literal(eventSource),
  'detail-type': z.string(),
  detail: z.looseObject({ routeTableId: z.string(), at: z.string() }),
});

/** Hears the domain events of all tables, from `open` until `close`. */
export class DomainEvents {
  readonly #bus: EventBridgeClient;
  readonly #sqs: SQSClient;
  /** The name of the rule. */
  readonly #name: string;
  readonly #queueUrl: string;
  readonly #heard: Heard[] = [];

  private constructor(bus: EventBridgeClient, sqs: SQSClient, name: string, queueUrl: string) {
    this.#bus = bus;
    this.#sqs = sqs;
    this.#name = name;
    this.#queueUrl = queueUrl;
  }

  static async open(): Promise<DomainEvents> {
    const stack = inject('stack');
    const { aws } = connect(stack);
    const [bus, sqs] = [new EventBridgeClient(aws), new SQSClient(aws)];
    const name = `heard-${Date.now()}`;
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
    await bus.send(new PutRuleCommand({ Name: name, EventPattern: JSON.stringify({ source: [eventSource] }) }));
    const Arn = `arn:aws:sqs:${stack.region}:${accountId}:${name}`;
    await bus.send(new PutTargetsCommand({ Rule: name, Targets: [{ Id: 'queue', Arn }] }));
    return new DomainEvents(bus, sqs, name, QueueUrl);
  }

  async close(): Promise<void> {
    await this.#bus.send(new RemoveTargetsCommand({ Rule: this.#name, Ids: ['queue'] }));
    await this.#bus.send(new DeleteRuleCommand({ Name: this.#name }));
    await this.#sqs.send(new DeleteQueueCommand({ QueueUrl: this.#queueUrl }));
  }

  /** The events about a table so far, oldest first. */
  async about(routeTableId: string): Promise<readonly Heard[]> {
    await this.#receive();
    return this.#heard
      .filter(({ detail }) => detail.routeTableId === routeTableId)
      .toSorted((one, other) => (one.detail.at < other.detail.at ? -1 : 1));
  }

  /** Waits for an event about a table, and returns its detail. `state` is `entered` or `left`, if the event has one. */
  async event(routeTableId: string, type: DetailType, state?: 'entered' | 'left'): Promise<Heard['detail']> {
    return eventually(
      async () => {
        const all = await this.about(routeTableId);
        const found = all.find(
          (one) => one['detail-type'] === type && (state === undefined || one.detail['state'] === state),
        );
        if (!found) {
          const others = all.map((one) => one['detail-type']).join(', ');
          throw new Error(`no ${type} of ${routeTableId}, only: ${others}`);
        }
        return found.detail;
      },
      { seconds: 30 },
    );
  }

  async #receive(): Promise<void> {
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({ QueueUrl: this.#queueUrl, MaxNumberOfMessages: 10 }),
    );
    if (Messages.length === 0) return;
    this.#heard.push(...Messages.map(({ Body = '' }) => heard.parse(JSON.parse(Body))));
    await this.#sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: this.#queueUrl,
        Entries: Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    );
  }
}
