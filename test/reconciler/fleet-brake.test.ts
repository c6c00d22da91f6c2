import pMap from 'p-map';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../reconciler/core/announce/domain-event.ts';
import { waitingIn } from '../../reconciler/core/plan/guard.ts';
import { reconcileAgain } from '../../reconciler/requeue.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { wakeReleased } from '../../reconciler/wake.ts';
import { item } from '../support/builders.ts';
import { InMemoryWorld } from '../support/in-memory-world.ts';

const minute = 60_000;
const before = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const mistake = { '10.20.0.0/16': 'tgw-aaaaaaaa' };

/** A fleet whose tables have been in sync for a while. */
class Fleet extends InMemoryWorld {
  readonly ids: readonly string[];

  constructor(size: number, routes: Readonly<Record<string, string>> = before) {
    super();
    this.ids = Array.from({ length: size }, (_, index) => `rtb-${index.toString(16).padStart(8, '0')}`);
    for (const id of this.ids) this.ec2.scenery.table(id, { routes: before });
    for (const id of ['pcx-aaaaaaaa', 'pcx-bbbbbbbb', 'tgw-aaaaaaaa']) this.ec2.scenery.target(id);
    this.push(routes);
  }

  static async inSync(size: number): Promise<Fleet> {
    const fleet = new Fleet(size);
    for (const _ of [1, 2]) {
      for (const id of fleet.ids) await fleet.reconcile({ kind: 'desired' }, id);
      fleet.clock.advance(minute);
    }
    await fleet.sweep();
    fleet.forget();
    return fleet;
  }

  push(routes: Readonly<Record<string, string>>, ids = this.ids, fields = {}): void {
    for (const routeTableId of ids) this.desired.put({ ...item(routes, fields), routeTableId });
  }

  /** Every item reaches its own function, and many functions run at the same time. */
  async reconcileAll(ids = this.ids): Promise<void> {
    await pMap(ids, (id) => this.reconcile({ kind: 'desired' }, id), { concurrency: 50 });
  }

  sweep(): ReturnType<typeof sweep> {
    return sweep(this, this.invocation(6_000), 5 * minute);
  }

  /** Delivers all messages that are due. */
  async deliver(): Promise<void> {
    for (const { message, dueAt } of this.requeue.sent.splice(0))
      if (dueAt <= this.now()) await reconcileAgain(message, 'message-1', this, this.invocation());
  }

  /** The tables whose routes our calls changed. */
  get changed(): readonly string[] {
    const calls = this.ec2.journal.calls.filter(({ action, changed }) => changed && /^(Replace|Delete)/.test(action));
    return [...new Set(calls.map(({ input }) => String(input['RouteTableId'])))].sort();
  }

  get waiting(): readonly string[] {
    return this.ids.filter((id) =>
      waitingIn(this.states.status(id).plan?.blocked).some(({ code }) => code === 'fleet-edit'),
    );
  }

  get messages(): readonly Message[] {
    return this.announcer.news.flatMap(({ events }) => events.flatMap(({ detail }) => detail.message ?? []));
  }

  /** The edit that tables wait for. */
  get edit(): string {
    return this.states.brake?.edit?.id ?? 'none';
  }

  approve(): void {
    const [at, until] = [this.now().toISOString(), new Date(this.now().getTime() + 60 * minute).toISOString()];
    this.orders.put('*', 'approval', { edits: new Set([this.edit]), by: 'alice', at, until });
  }
}

describe('the fleet brake', () => {
  it('stops a bad push to 300 tables after 5 % of them, and nothing more is changed when it is undone', async () => {
    const fleet = await Fleet.inSync(300);
    fleet.push(mistake);
    await fleet.reconcileAll();
    expect(fleet.changed).toHaveLength(15);
    expect(fleet.waiting).toHaveLength(285);
    fleet.clock.advance(2 * minute);
    await fleet.sweep();
    await fleet.deliver();
    expect(fleet.changed).toHaveLength(15);
    expect(fleet.messages.map(({ subject }) => subject)).toEqual([
      `285 tables wait for approval of an edit (${fleet.edit})`,
    ]);
    expect(fleet.messages[0]?.next).toContain(`npx routectl approve ${fleet.edit}`);

    const wasChanged = fleet.changed;
    fleet.push(before);
    fleet.ec2.journal.clear();
    await fleet.reconcileAll();
    expect(fleet.changed).toEqual(wasChanged);
    expect(fleet.waiting).toEqual([]);
    fleet.clock.advance(minute);
    await fleet.sweep();
    expect(new Set(fleet.ids.map((id) => fleet.states.status(id).phase))).toEqual(new Set(['InSync']));
    expect(await fleet.index.tablesUnder(fleet.edit)).toEqual([]);
  }, 60_000);

  it('holds back replaces and deletes of an edit, and lets its creates go', async () => {
    const fleet = await Fleet.inSync(7);
    fleet.push({ ...mistake, '10.30.0.0/16': 'pcx-bbbbbbbb' });
    await fleet.reconcileAll();
    const [id = ''] = fleet.waiting;
    expect(fleet.waiting).toHaveLength(2);
    const { phase, plan } = fleet.states.status(id);
    expect(phase).toBe('Blocked');
    expect(plan?.blocked).toMatchObject({
      code: 'fleet-edit',
      edit: fleet.edit,
      replaces: [{ destination: '10.20.0.0/16', target: 'pcx-aaaaaaaa', code: 'fleet-edit' }],
      deletes: [{ destination: '10.21.0.0/16', target: 'pcx-aaaaaaaa', code: 'fleet-edit' }],
    });
    expect(fleet.ec2.scenery.routesOf(id)).toMatchObject({ ...before, '10.30.0.0/16': 'pcx-bbbbbbbb' });
  });

  it('lets what waits go only when a person approves, not when later windows have room', async () => {
    const fleet = await Fleet.inSync(7);
    fleet.push(mistake);
    await fleet.reconcileAll();
    fleet.clock.advance(30 * minute);
    await fleet.reconcileAll();
    await fleet.sweep();
    expect(fleet.changed).toHaveLength(5);
    fleet.approve();
    await wakeReleased(fleet);
    fleet.clock.advance(minute);
    await fleet.deliver();
    expect(fleet.changed).toEqual(fleet.ids);
  });

  it('releases all tables of an approved edit in the next sweep, if no message did', async () => {
    const fleet = await Fleet.inSync(7);
    fleet.push(mistake);
    await fleet.reconcileAll();
    fleet.approve();
    await fleet.sweep();
    expect(fleet.changed).toEqual(fleet.ids);
  });

  it('lets an approval release nothing that was edited after the person saw it', async () => {
    const fleet = await Fleet.inSync(7);
    fleet.push(mistake);
    await fleet.reconcileAll();
    const waiting = fleet.waiting;
    fleet.approve();
    fleet.push({ '10.20.0.0/16': 'pcx-bbbbbbbb' }, waiting);
    await fleet.sweep();
    expect(fleet.waiting).toEqual(waiting);
  });

  it('repairs drift at once, even in tables that wait, and even where others change what waits', async () => {
    const fleet = await Fleet.inSync(7);
    fleet.push({ ...before, '10.20.0.0/16': 'tgw-aaaaaaaa' });
    await fleet.reconcileAll();
    const [one = '', two = ''] = fleet.waiting;
    fleet.ec2.scenery.route(one, '10.21.0.0/16', 'pcx-bbbbbbbb');
    fleet.ec2.scenery.route(two, '10.20.0.0/16', 'pcx-bbbbbbbb');
    fleet.ec2.scenery.route(two, '10.99.0.0/16', 'pcx-bbbbbbbb');
    for (const id of [one, two]) await fleet.event({}, id);
    expect(fleet.ec2.scenery.routesOf(one)).toMatchObject(before);
    expect(fleet.ec2.scenery.routesOf(two)).toMatchObject({
      '10.20.0.0/16': 'tgw-aaaaaaaa',
      '10.21.0.0/16': 'pcx-aaaaaaaa',
    });
    expect(fleet.ec2.scenery.routesOf(two)).not.toHaveProperty('10.99.0.0/16');
  });

  it('repairs a route that others made where the last read showed none, although the item was edited meanwhile', async () => {
    const fleet = await Fleet.inSync(7);
    const [last = '', ...others] = fleet.ids.toReversed();
    fleet.push(mistake, others);
    await fleet.reconcileAll(others);
    fleet.ec2.scenery.removeRoute(last, '10.20.0.0/16');
    fleet.faults.strike({ action: 'CreateRoute' }, { refused: { code: 'InvalidVpcPeeringConnectionID.NotFound' } });
    await fleet.event({}, last);
    fleet.faults.clear();
    fleet.ec2.scenery.route(last, '10.20.0.0/16', 'pcx-bbbbbbbb');
    fleet.push({ ...before, '10.20.0.0/16': 'tgw-aaaaaaaa' }, [last]);
    await fleet.reconcile({ kind: 'desired' }, last);
    expect(fleet.ec2.scenery.routesOf(last)).toMatchObject({ '10.20.0.0/16': 'tgw-aaaaaaaa' });
  });

  it('never calls what waits drift', async () => {
    const fleet = await Fleet.inSync(7);
    fleet.push(mistake);
    await fleet.reconcileAll();
    for (const id of fleet.waiting) await fleet.event({ name: 'CreateTags' }, id);
    fleet.approve();
    await fleet.sweep();
    expect(fleet.announcer.events.filter((event) => event.startsWith('Route Drift'))).toEqual([]);
  });

  it('counts the first enforcement of a table as an edit', async () => {
    const fleet = new Fleet(8, { '10.20.0.0/16': 'tgw-aaaaaaaa' });
    fleet.push({ '10.20.0.0/16': 'tgw-aaaaaaaa' }, fleet.ids, { mode: 'observe' });
    await fleet.reconcileAll();
    fleet.clock.advance(10 * minute);
    fleet.push({ '10.20.0.0/16': 'tgw-aaaaaaaa' });
    await fleet.reconcileAll();
    expect(fleet.changed).toHaveLength(5);
    expect(fleet.waiting).toHaveLength(3);
  });

  it('lets edits go on steadily: 1 table every 3 minutes never waits', async () => {
    const fleet = await Fleet.inSync(20);
    for (const id of fleet.ids) {
      fleet.push(mistake, [id]);
      await fleet.reconcile({ kind: 'desired' }, id);
      fleet.clock.advance(3 * minute);
    }
    expect(fleet.waiting).toEqual([]);
    expect(fleet.changed).toEqual(fleet.ids);
  });

  it('counts a table once, however often its edit is tried or made anew', async () => {
    const fleet = await Fleet.inSync(6);
    const [first = '', ...others] = fleet.ids;
    for (const target of [
      'tgw-aaaaaaaa',
      'pcx-bbbbbbbb',
      'tgw-aaaaaaaa',
      'pcx-bbbbbbbb',
      'tgw-aaaaaaaa',
      'pcx-bbbbbbbb',
    ]) {
      fleet.push({ ...before, '10.20.0.0/16': target }, [first]);
      await fleet.reconcile({ kind: 'desired' }, first);
      fleet.clock.advance(20_000);
    }
    fleet.push(mistake, others.slice(0, 4));
    await fleet.reconcileAll(others.slice(0, 4));
    expect(fleet.waiting).toEqual([]);
  });

  it('lets edits wait and repairs go on while nobody knows how many tables edits have changed', async () => {
    const fleet = await Fleet.inSync(2);
    const [edited = '', drifted = ''] = fleet.ids;
    fleet.states.faults = (call) => {
      if (call === 'readBrake') throw new Error('DynamoDB does not answer');
    };
    fleet.push(mistake, [edited]);
    fleet.ec2.scenery.route(drifted, '10.20.0.0/16', 'pcx-bbbbbbbb');
    await fleet.reconcile({ kind: 'desired' }, edited);
    await fleet.event({}, drifted);
    expect(fleet.changed).toEqual([drifted]);
    expect(fleet.waiting).toEqual([edited]);
    fleet.states.faults = () => {};
    fleet.clock.advance(minute);
    await fleet.deliver();
    expect(fleet.changed).toEqual(fleet.ids);
  });

  it('announces an edit by the next sweep, once, if its message is lost', async () => {
    const fleet = await Fleet.inSync(7);
    fleet.push(mistake);
    fleet.requeue.faults = () => {
      throw new Error('SQS does not answer');
    };
    await Promise.allSettled(fleet.ids.map((id) => fleet.reconcile({ kind: 'desired' }, id)));
    fleet.requeue.faults = () => {};
    for (const _ of [1, 2]) {
      fleet.clock.advance(5 * minute);
      await fleet.sweep();
    }
    expect(fleet.messages).toHaveLength(1);
  });

  it('asks nothing for a table whose item was not edited', async () => {
    const fleet = await Fleet.inSync(1);
    const [id = ''] = fleet.ids;
    const asked: string[] = [];
    fleet.states.faults = (call) => void asked.push(call);
    fleet.ec2.scenery.route(id, '10.20.0.0/16', 'pcx-bbbbbbbb');
    await fleet.event({}, id);
    await fleet.reconcile({ kind: 'sweep' }, id);
    expect(fleet.changed).toEqual([id]);
    expect(asked.filter((call) => call.includes('Brake'))).toEqual([]);
  });

  it('counts no table twice when many functions ask at once', async () => {
    const fleet = await Fleet.inSync(60);
    fleet.push(mistake);
    await fleet.reconcileAll();
    expect(Object.keys(fleet.states.brake?.places ?? {})).toHaveLength(5);
    expect(fleet.changed).toHaveLength(5);
  });
});
