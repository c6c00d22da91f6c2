import {
  DeleteRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';

import { z } from 'zod';
import { connect } from '../../../local/stack.ts';
import { type DetailType, eventSource } from '../../../reconciler/core/announce/domain-event.ts';
import { eventually } from './eventually.ts';
import { Inbox } from './inbox.ts';
import { localStack } from './local-stack.ts';

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
  readonly #inbox: Inbox;
  readonly #heard: Heard[] = [];

  private constructor(bus: EventBridgeClient, inbox: Inbox) {
    this.#bus = bus;
    this.#inbox = inbox;
  }

  static async open(): Promise<DomainEvents> {
    const bus = new EventBridgeClient(connect(localStack()).aws);
    const inbox = await Inbox.open('heard');
    const { name: Rule, arn: Arn } = inbox;
    await bus.send(new PutRuleCommand({ Name: Rule, EventPattern: JSON.stringify({ source: [eventSource] }) }));
    await bus.send(new PutTargetsCommand({ Rule, Targets: [{ Id: 'queue', Arn }] }));
    return new DomainEvents(bus, inbox);
  }

  async close(): Promise<void> {
    await this.#bus.send(new RemoveTargetsCommand({ Rule: this.#inbox.name, Ids: ['queue'] }));
    await this.#bus.send(new DeleteRuleCommand({ Name: this.#inbox.name }));
    await this.#inbox.close();
  }

  /** The events about a table so far, oldest first. */
  async about(routeTableId: string): Promise<readonly Heard[]> {
    this.#heard.push(...(await this.#inbox.receive()).map((body) => heard.parse(JSON.parse(body))));
    return this.#heard
      .filter(({ detail }) => detail.routeTableId === routeTableId)
      .toSorted((one, other) => (one.detail.at < other.detail.at ? -1 : 1));
  }

  /** Waits for an event about a table, and returns its detail. `state` narrows it down, if the event has one. */
  async event(routeTableId: string, type: DetailType, state?: 'entered' | 'moved' | 'left'): Promise<Heard['detail']> {
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
}
