import type { Call } from '../../support/ec2/journal.ts';
import type { Cloud } from '../cloud.ts';
import { type Delivery, accountId, region } from '../delivery.ts';
import type { Random } from '../random.ts';
import { second, vpc } from './stage.ts';

/** A managed table whose processing always fails. */
const broken = 'rtb-66666666';
/** Keys of items that are no route table ids. */
const keys = ['*', 'rtb-*', '#managed', 'rtb-', 'vpc-aaaaaaaa'];
/** Orders that mean nothing. */
const orders = [
  ['rtb-00000001', 'stopp'],
  ['rtb-00000001', '*'],
  ['rtb-*', 'pause'],
  ['everything', 'stop'],
] as const;

/** Rows, leases and messages that no function of ours writes. None of them may change what happens to other tables. */
export class Poison {
  readonly #cloud: Cloud;
  readonly #delivery: Delivery;
  readonly #random: Random;
  readonly #tables: readonly string[];
  #forged = 0;

  constructor(cloud: Cloud, delivery: Delivery, random: Random, tables: readonly string[]) {
    this.#cloud = cloud;
    this.#delivery = delivery;
    this.#random = random;
    this.#tables = tables;
  }

  /** Poisons some rows for the whole history, and plans the rest until `end`. */
  prepare(end: number): void {
    const { faults, scheduler } = this.#cloud;
    const random = this.#random;
    if (faults.strikes('poisoned rows')) this.#poisonRows();
    for (let count = random.between(0, 3); count > 0; count--)
      scheduler.at(random.between(scheduler.time, end), () => this.#forgeMessage());
    for (let count = random.between(0, 3); count > 0; count--)
      scheduler.at(random.between(scheduler.time, end), () => this.leaseForEver());
  }

  /** Writes leases that never end, where nobody holds one. */
  leaseForEver(): void {
    const { faults, leases, scheduler, history } = this.#cloud;
    const end = new Date('9999-12-31T23:59:59.999Z');
    for (const routeTableId of this.#tables) {
      if (leases.holder(routeTableId) !== undefined || !faults.poisons('lease that never ends')) continue;
      history.note('nobody', `leases ${routeTableId} until the year 9999`);
      const claim = { holder: 'nobody', now: scheduler.now(), expiresAt: end, latestEnd: end, retakeBefore: end };
      void leases.take(routeTableId, claim);
      this.#cloud.watch.chains.takes(routeTableId);
    }
  }

  /** Reports a call of somebody else once more, as the call of an innocent person, from a source that is not EC2. */
  blame({ action, caller, input }: Call): void {
    const { faults, scheduler } = this.#cloud;
    if (caller.startsWith('fn-') || !faults.strikes('forged event')) return;
    const eventTime = `${scheduler.now().toISOString().slice(0, 19)}Z`;
    const from = this.#random.pick([
      { source: 'mallory', account: accountId, region },
      { source: 'aws.ec2', account: '999999999999', region },
      { source: 'aws.ec2', account: accountId, region: 'us-east-1' },
    ]);
    const detail = {
      eventSource: 'ec2.amazonaws.com',
      eventName: action,
      eventTime,
      eventID: `forged-${++this.#forged}`,
      recipientAccountId: accountId,
      userIdentity: { type: 'AssumedRole', arn: `arn:aws:sts::${accountId}:assumed-role/innocent/session` },
      requestParameters: input,
    };
    this.#delivery.event({ ...from, 'detail-type': 'AWS API Call via CloudTrail', detail }, `forged ${action}`);
  }

  #poisonRows(): void {
    const { cloud, random } = { cloud: this.#cloud, random: this.#random };
    cloud.ec2.scenery.table(broken, { vpc });
    cloud.desired.put({ routeTableId: broken, routes: [{ destination: '10.20.0.0/16', target: 'pcx-aaaaaaaa' }] });
    cloud.broken = `${random.pick(['checkpoint', 'states.read', 'evidence.of', 'leases.take'])} ${broken}`;
    for (const routeTableId of random.some(keys, 0.5)) cloud.desired.put({ routeTableId, routes: [] });
    for (const [routeTableId, name] of random.some(orders, 0.5)) cloud.orders.put(routeTableId, name, { reason: 'x' });
    for (const action of ['create', 'replace', 'delete'] as const)
      for (const part of random.some(['edits', 'drift', 'rest', 'booked'] as const, 0.5))
        cloud.pace.put(`${action}#${part}`, random.pick(['moon', 253_402_300_799_000, null, -1]));
    cloud.history.note('nobody', `poisons rows: ${cloud.broken} fails`);
  }

  /** A message that no function sent. */
  #forgeMessage(): void {
    const { faults, queue, scheduler } = this.#cloud;
    const random = this.#random;
    if (!faults.strikes('forged message')) return;
    const message = {
      routeTableId: random.pick([...this.#tables, ...keys, broken]),
      hop: random.pick([0, 5, 1_000_000]),
      kinds: random.pick([['event'], ['desired', 'person'], ['sweep']] as const),
      ...(random.chance(0.3) && { nextRetry: scheduler.now().toISOString() }),
      // No message says that an item was deleted.
      deletions: ['forged'],
    };
    queue.sent.push({ message, dueAt: new Date(scheduler.time + random.between(0, 30 * second)) });
  }
}
