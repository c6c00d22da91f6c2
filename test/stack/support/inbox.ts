import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';

import { accountId } from '../../../local/emulators.ts';
import { connect } from '../../../local/stack.ts';
import { localStack } from './local-stack.ts';

/** A queue of its own for what a test listens to. */
export class Inbox {
  /** The name of the queue. No other inbox has it. */
  readonly name: string;
  readonly arn: string;
  readonly #sqs: SQSClient;
  readonly #url: string;

  private constructor(sqs: SQSClient, name: string, arn: string, url: string) {
    this.#sqs = sqs;
    this.name = name;
    this.arn = arn;
    this.#url = url;
  }

  /** @param policy the policy of the queue, if its sender needs one */
  static async open(prefix: string, policy?: (queueArn: string) => string): Promise<Inbox> {
    const stack = localStack();
    const sqs = new SQSClient(connect(stack).aws);
    const name = `${prefix}-${Date.now()}`;
    const arn = `arn:aws:sqs:${stack.region}:${accountId}:${name}`;
    const { QueueUrl = '' } = await sqs.send(
      new CreateQueueCommand({ QueueName: name, ...(policy && { Attributes: { Policy: policy(arn) } }) }),
    );
    return new Inbox(sqs, name, arn, QueueUrl);
  }

  /** Takes up to ten messages out of the queue, and returns their bodies. */
  async receive(): Promise<readonly string[]> {
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({ QueueUrl: this.#url, MaxNumberOfMessages: 10 }),
    );
    if (Messages.length === 0) return [];
    await this.#sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: this.#url,
        Entries: Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    );
    return Messages.map(({ Body = '' }) => Body);
  }

  async close(): Promise<void> {
    await this.#sqs.send(new DeleteQueueCommand({ QueueUrl: this.#url }));
  }
}
