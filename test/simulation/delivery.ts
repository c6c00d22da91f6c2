import { ec2Call } from '../../reconciler/aws/ec2/cloudtrail.ts';
import { comesFromEc2 } from '../../reconciler/aws/ec2/envelope.ts';
import { requeueMessage } from '../../reconciler/aws/requeue-queue.ts';
import { instanceChange } from '../../reconciler/aws/ec2/instance-state.ts';
import type { Trigger } from '../../reconciler/core/memory/trigger.ts';
import type { Invocation } from '../../reconciler/lease.ts';
import type { RequeueMessage, SweepWorld, World } from '../../reconciler/ports.ts';
import { reconcile } from '../../reconciler/reconcile.ts';
import { reconcileAgain } from '../../reconciler/requeue.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { reconcileConcerned } from '../../reconciler/wake.ts';
import type { Cloud } from './cloud.ts';
import { type Ending, FunctionRun } from './function-run.ts';

export const accountId = '111122223333';
export const region = 'eu-west-1';

const second = 1_000;
const minute = 60 * second;

/** How often services repeat their calls of functions, and when they give up. */
const asyncRetriesAfterMs = [1 * minute, 2 * minute];
const visibilityMs = 6 * minute;
const receivesAtMost = 6;
const streamRetries = 5;

/** Calls functions like Lambda, EventBridge, SQS and DynamoDB Streams: at least once, late, and again after a failure. */
export class Delivery {
  /** Events, records and messages in dead-letter queues. */
  readonly dead: string[] = [];
  sweepEveryMs = 5 * minute;
  /** While true, no function is invoked, and every call of one is lost. */
  isOff = false;
  readonly #cloud: Cloud;
  #runs = 0;
  #ids = 0;
  /** Stream records that are not processed yet, in order. */
  readonly #stream: { readonly routeTableId: string; readonly id: string; readonly isDeleted: boolean }[] = [];
  #streaming = false;
  /** How many functions run, and how many messages and records wait. */
  #pending = 0;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  get isIdle(): boolean {
    return this.#pending === 0;
  }

  // ── EventBridge: calls of others ───────────────────────────────────────────────────────────────────────────────────

  /** Delivers a CloudTrail event through trail and bus, which may lose, repeat and delay it. */
  event(event: unknown, told: string): void {
    const { faults, random, history } = this.#cloud;
    if (faults.strikes('dropped event')) return history.note('bus', `drops ${told}`);
    const delayMs = faults.strikes('delayed event')
      ? random.between(60 * second, 10 * minute)
      : faults.strikes('reordered event')
        ? random.between(0, 30 * second)
        : random.skewed(500, 5_000);
    const deliver = (afterMs: number, requestId: string): void =>
      this.#after(afterMs, () => this.#asynchronously(`event ${told}`, requestId, onRouteChange(event)));
    const requestId = this.#id('request');
    deliver(delayMs, requestId);
    if (faults.strikes('duplicate event')) deliver(delayMs + random.skewed(1, 30_000), this.#id('request'));
    if (faults.strikes('same request twice')) deliver(delayMs + random.skewed(1, 90_000), requestId);
  }

  // ── the stream of desired items ────────────────────────────────────────────────────────────────────────────────────

  edited(routeTableId: string, isDeleted: boolean): void {
    const { faults, history } = this.#cloud;
    if (faults.strikes('lost record of an edit')) return history.note('stream', `loses an edit of ${routeTableId}`);
    this.#pending += 1;
    this.#stream.push({ routeTableId, id: this.#id('record'), isDeleted });
    if (this.#streaming) return;
    this.#streaming = true;
    this.#after(this.#cloud.random.skewed(200, 2_000), () => this.#drain(0));
  }

  async #drain(attempt: number): Promise<void> {
    if (this.isOff) this.#pending -= this.#stream.splice(0).length;
    const batch = this.#stream.slice(0, this.#cloud.random.between(1, 4));
    if (batch.length === 0) {
      this.#streaming = false;
      return;
    }
    const failed = new Set<string>();
    const deleted = new Set(batch.filter(({ isDeleted }) => isDeleted).map(({ routeTableId }) => routeTableId));
    const ending = await this.#run('desired', this.#id('request'), async (world, invocation) => {
      const underway = new Map<string, Promise<unknown>>();
      await Promise.all(
        batch.map(async ({ routeTableId, id }) => {
          const kind = 'desired';
          const trigger: Trigger = deleted.has(routeTableId) ? { kind, id, deleted: true } : { kind, id };
          const reconciled = underway.get(routeTableId) ?? reconcile(routeTableId, trigger, world, invocation);
          underway.set(routeTableId, reconciled);
          await reconciled.catch(() => failed.add(id));
        }),
      );
      return failed.size === 0;
    });
    // Lambda continues from the first record that failed. If the function failed, it repeats the whole batch.
    const first = ending.ok ? batch.findIndex(({ id }) => failed.has(id)) : 0;
    const done = first < 0 ? batch.length : first;
    const gaveUp = done === 0 && attempt >= streamRetries;
    if (gaveUp) this.#bury(`record ${batch[0]?.id} of ${batch[0]?.routeTableId}`);
    const handled = gaveUp ? 1 : done;
    this.#stream.splice(0, handled);
    this.#pending -= handled;
    this.#after(this.#cloud.random.skewed(100, 3_000), () => this.#drain(handled === 0 ? attempt + 1 : 0));
  }

  // ── the requeue queue ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Delivers the messages that were sent to the queue. Called after each step. */
  collect(): void {
    const { queue, scheduler, faults, random } = this.#cloud;
    for (const { message, dueAt } of queue.sent.splice(0)) {
      const lateMs = faults.strikes('late message') ? random.between(second, 60 * second) : random.skewed(5, 800);
      const id = this.#id('message');
      const receive = (afterMs: number): void => this.#after(afterMs, () => this.#receive(message, id, 1));
      receive(dueAt.getTime() - scheduler.time + lateMs);
      if (faults.strikes('message delivered twice'))
        receive(dueAt.getTime() - scheduler.time + lateMs + random.skewed(1, 30_000));
    }
  }

  async #receive(message: RequeueMessage, id: string, receives: number): Promise<void> {
    const { scheduler } = this.#cloud;
    if (this.isOff) return this.#lose(`message ${id} for ${message.routeTableId}`);
    const receivedAt = scheduler.time;
    const received = requeueMessage(JSON.stringify(message));
    if (!received) return this.#bury(`message ${id}, which is not one of ours`);
    const body = (world: World, invocation: Invocation): Promise<void> =>
      reconcileAgain(received, id, world, invocation);
    const ending = await this.#run('requeue', this.#id('request'), body, received.hop);
    if (ending.ok) return;
    if (receives >= receivesAtMost) return this.#bury(`message ${id} for ${message.routeTableId}`);
    this.#after(receivedAt + visibilityMs - scheduler.time, () => this.#receive(message, id, receives + 1));
  }

  // ── the schedule ───────────────────────────────────────────────────────────────────────────────────────────────────

  sweep(): void {
    const requestId = this.#id('request');
    const body = (world: SweepWorld, invocation: Invocation): Promise<unknown> =>
      sweep(world, invocation, this.sweepEveryMs);
    const deliver = (afterMs: number): void =>
      this.#after(afterMs, () => this.#asynchronously('sweep', requestId, body));
    deliver(0);
    if (this.#cloud.faults.strikes('same request twice')) deliver(this.#cloud.random.skewed(1, 90_000));
  }

  // ── functions ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** An asynchronous invocation. If it fails, Lambda repeats it twice with the same request id. */
  async #asynchronously(
    told: string,
    requestId: string,
    body: (world: SweepWorld, invocation: Invocation) => Promise<unknown>,
    attempt = 0,
  ): Promise<void> {
    if (this.isOff) return this.#lose(told);
    const ending = await this.#run(told, requestId, body);
    if (ending.ok) return;
    const retryAfterMs = asyncRetriesAfterMs[attempt];
    if (retryAfterMs === undefined) return this.#bury(`${told} (${requestId})`);
    this.#after(retryAfterMs, () => this.#asynchronously(told, requestId, body, attempt + 1));
  }

  async #run<T>(
    told: string,
    requestId: string,
    body: (world: SweepWorld, invocation: Invocation) => Promise<T>,
    hop = 0,
  ): Promise<Ending<T>> {
    const { scheduler, faults, random, history, watch } = this.#cloud;
    const skewMs = faults.strikes('clock skew') ? random.between(-4_000, 4_000) : 0;
    const fn = new FunctionRun(`fn-${++this.#runs}`, requestId, { scheduler, faults, skewMs, hop });
    history.note(fn.name, `begins: ${told}`, { requestId, skewMs });
    const ending = await fn.run(() => body(this.#cloud.worldOf(fn), fn.invocation()));
    if (!ending.ok && ending.why === 'timeout') faults.note('timeout');
    history.note(fn.name, ending.ok ? 'ends' : `dies: ${ending.why}`, ending.ok ? undefined : ending.error);
    watch.finished(fn, ending.ok && ending.value !== false);
    return ending;
  }

  #lose(what: string): void {
    this.#cloud.history.note('nobody', `is there for ${what}`);
  }

  #bury(what: string): void {
    this.dead.push(what);
    this.#cloud.history.note('DLQ', what);
  }

  #after(ms: number, work: () => Promise<void>): void {
    const { scheduler } = this.#cloud;
    this.#pending += 1;
    scheduler.at(scheduler.time + ms, () => void work().finally(() => (this.#pending -= 1)));
  }

  #id(kind: string): string {
    return `${kind}-${++this.#ids}`;
  }
}

const onRouteChange =
  (event: unknown) =>
  async (world: World, invocation: Invocation): Promise<void> => {
    if (!comesFromEc2(event, { sources: ['aws.ec2'], accountId, region })) return;
    const call = ec2Call(event, accountId) ?? instanceChange(event);
    if (call) await reconcileConcerned(call, world, invocation);
  };
