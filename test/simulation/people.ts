import { isDeepStrictEqual } from 'node:util';
import type { Call } from '../support/ec2/journal.ts';
import { familyOf, isInside } from '../support/ec2/blocks.ts';
import { slotAt } from '../support/ec2/world.ts';
import { Attack } from './attack.ts';
import { asCloudTrailTells, callOf } from './calls.ts';
import type { Cloud } from './cloud.ts';
import { type Delivery, accountId } from './delivery.ts';
import { ourRole } from './drifts.ts';
import { type Spec, wantedAt } from './oracle.ts';
import type { Random } from './random.ts';

const second = 1_000;
const vpc = 'vpc-aaaaaaaa';

const ipv4 = ['10.20.0.0/16', '10.20.5.0/24', '10.21.0.0/16', '172.16.0.0/12', '192.168.7.0/24', '10.0.1.0/24'];
const ipv6 = ['2001:db8:1::/48', '2001:db8:2::/48'];
const destinations = [...ipv4, ...ipv6, '203.0.113.0/24', '0.0.0.0/0', '::/0', 'pl-aaaaaaaa'];
const targets = [
  'igw-aaaaaaaa',
  'nat-aaaaaaaa',
  'nat-bbbbbbbb',
  'pcx-aaaaaaaa',
  'pcx-bbbbbbbb',
  'tgw-aaaaaaaa',
  'eni-aaaaaaaa',
];
const refusable = ['tgw-dddddddd', 'pcx-dddddddd', 'vpce-dddddddd'];
/** A gateway whose attachment comes up late. */
const pending = 'tgw-cccccccc';
const halvesOf: Readonly<Record<string, readonly string[]>> = {
  '10.21.0.0/16': ['10.21.0.0/17', '10.21.128.0/17'],
  '172.16.0.0/12': ['172.16.0.0/13', '172.24.0.0/13'],
};
const allRefusals = [
  { code: 'InvalidTransitGatewayID.NotFound' },
  { code: 'InvalidVpcPeeringConnectionID.NotFound' },
  { code: 'RouteNotSupported' },
  { code: 'IncorrectState' },
  { code: 'SomethingNewIsWrong' },
] as const;
/** Other spellings of a destination that mean the same. */
const spellings: Readonly<Record<string, readonly string[]>> = {
  '10.20.0.0/16': ['10.20.0.7/16'],
  '2001:db8:1::/48': ['2001:DB8:1::/48', '2001:db8:1:0::/48'],
};

/** Everybody else: who writes items, who changes routes by hand, and the services that do as they please. */
export class People {
  readonly tables: readonly string[];
  readonly #cloud: Cloud;
  readonly #delivery: Delivery;
  readonly #random: Random;
  /** The name under which a pause or stop was written last. */
  readonly #haltNames = new Map<string, string>();
  readonly #attack: Attack;
  #events = 0;

  constructor(cloud: Cloud, delivery: Delivery, random: Random) {
    this.#cloud = cloud;
    this.#delivery = delivery;
    this.#random = random;
    this.#attack = new Attack(cloud, random);
    this.tables = Array.from({ length: random.pick([1, 1, 2, 3, 4]) }, (_, index) => `rtb-0000000${index + 1}`);
    cloud.onEffect = (call) => this.#tell(call);
    cloud.meddle = (routeTableId, destination) => this.#meddle(routeTableId, destination);
    cloud.edit = (routeTableId) => this.#put(routeTableId, this.#changed(this.#spec(routeTableId)));
  }

  /** Sets the stage, and plans what will happen until `end`. */
  prepare(end: number): void {
    const { scenery } = this.#cloud.ec2;
    const random = this.#random;
    scenery.vpc(vpc, { blocks: ['10.0.0.0/16', '2001:db8::/56'], subnets: ['10.0.1.0/24'] });
    for (const target of [...targets, ...refusable, pending].filter((id) => !id.startsWith('eni')))
      scenery.target(target);
    scenery.target('i-aaaaaaaa');
    scenery.target('eigw-aaaaaaaa');
    scenery.prefixList('pl-aaaaaaaa');
    for (const target of refusable)
      if (this.#cloud.faults.strikes('target refused for ever'))
        this.#cloud.refusals.set(target, random.pick(allRefusals));
    this.#attack.prepare();
    for (const routeTableId of this.tables) this.#stage(routeTableId);
    this.act(random.between(2, 14), end);
    if (random.chance(0.3))
      for (let index = random.between(1, 4); index > 0; index--)
        this.#at(random.between(0, end - this.#cloud.scheduler.time), (id) => this.#attack.act(id, this.#spec(id)));
    if (random.chance(0.2)) this.#storm(random.between(0, end - this.#cloud.scheduler.time));
    for (const routeTableId of this.tables) {
      if (!this.#cloud.faults.strikes('writes denied for a while')) continue;
      this.#cloud.denied.add(routeTableId);
    }
  }

  /** Plans so many deeds until `end`. */
  act(count: number, end: number): void {
    for (let index = 0; index < count; index++)
      this.#at(this.#random.between(0, end - this.#cloud.scheduler.time), (routeTableId) => this.#act(routeTableId));
  }

  /** After the last fault: all targets are up, and somebody may have mended what EC2 refused. */
  mend(): void {
    const { scenery, world } = this.#cloud.ec2;
    for (const target of targets.filter((id) => !id.startsWith('eni') && !world.targets.has(id)))
      scenery.target(target);
    this.#cloud.denied.clear();
    for (const scope of this.#cloud.watch.halts.scopes) this.#halt(scope, 'resume');
    for (const routeTableId of this.tables) {
      this.#cloud.watch.holds.takeAway(routeTableId, this.#cloud.scheduler.time);
      this.#writeHolds(routeTableId);
    }
    const { refusals } = this.#cloud;
    for (const target of this.#random.some([...refusals.keys()], 0.4)) refusals.delete(target);
  }

  #stage(routeTableId: string): void {
    const { scenery } = this.#cloud.ec2;
    const random = this.#random;
    scenery.table(routeTableId, { vpc });
    const spec = this.#anySpec();
    const asDesired = random.chance(0.6) ? spec.routes : random.some(spec.routes, 0.5);
    for (const { destination, target } of asDesired)
      if (!refusable.includes(target) && target !== 'local' && !target.startsWith('i-'))
        scenery.route(routeTableId, destination, target);
    if (random.chance(0.3)) scenery.route(routeTableId, random.pick(ipv4), random.pick(targets));
    if (random.chance(0.2)) scenery.gatewayEndpoint(routeTableId);
    if (random.chance(0.1)) scenery.lattice(routeTableId);
    if (random.chance(0.2)) scenery.propagate(routeTableId, random.pick(ipv4.slice(0, 5)));
    if (random.chance(0.1)) this.#takeOver(routeTableId);
    if (random.chance(0.95)) this.#put(routeTableId, spec);
  }

  #at(afterMs: number, act: (routeTableId: string) => void): void {
    const { scheduler } = this.#cloud;
    const routeTableId = this.#random.pick(this.tables);
    scheduler.at(scheduler.time + afterMs, () => {
      if (this.#cloud.ec2.world.tables.has(routeTableId)) act(routeTableId);
    });
  }

  /** Many calls on one table in a few seconds. */
  #storm(afterMs: number): void {
    const { scheduler } = this.#cloud;
    const routeTableId = this.#random.pick(this.tables);
    for (let index = 0; index < 12; index++)
      scheduler.at(scheduler.time + afterMs + this.#random.between(0, 4 * second), () => this.#call(routeTableId));
  }

  #act(routeTableId: string): void {
    const random = this.#random;
    const roll = random.next();
    const spec = this.#spec(routeTableId);
    if (roll < 0.04) this.#attack.act(routeTableId, spec);
    else if (roll < 0.3) this.#call(routeTableId);
    else if (roll < 0.34) this.#order(random.chance(0.3) ? '*' : routeTableId);
    else if (roll < 0.36) this.#hold(routeTableId);
    else if (roll < 0.38) this.#loseRecord(routeTableId);
    else if (roll < 0.4) this.#fight(routeTableId, spec);
    else if (roll < 0.415) this.#killTarget();
    else if (roll < 0.43) this.#failOver(routeTableId, spec);
    else if (roll < 0.44) this.#dieOnArrival(routeTableId, spec);
    else if (roll < 0.46) this.#mark(routeTableId);
    else if (roll < 0.6) this.#put(routeTableId, random.chance(0.35) ? this.#split(spec) : this.#changed(spec));
    else if (roll < 0.68) this.#thereAndBack(routeTableId, spec);
    else if (roll < 0.73) this.#put(routeTableId, this.#ruledAnew(spec));
    else if (roll < 0.78) this.#invalidThenValid(routeTableId, spec);
    else if (roll < 0.82) this.#forget(routeTableId, spec);
    else if (roll < 0.87) this.#approve(routeTableId, spec);
    else if (roll < 0.97) this.#serve(routeTableId);
    else this.#cloud.ec2.scenery.deleteTable(routeTableId);
  }

  // ── calls to EC2 ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Somebody changes a route by hand or by tool. What EC2 refuses does not happen. */
  #call(routeTableId: string): void {
    const random = this.#random;
    const who = random.pick(['alice', 'bob', 'deployer']);
    const calls = this.#cloud.ec2.as(who);
    const made = this.#cloud.ec2.world.tables
      .get(routeTableId)
      ?.routes.filter(({ origin }) => origin === 'CreateRoute');
    const slot = random.maybe(made ?? []);
    const roll = random.next();
    const call =
      slot && roll < 0.35
        ? calls.deleteRoute(callOf(routeTableId, slot.destination))
        : slot && roll < 0.7
          ? calls.replaceRoute(callOf(routeTableId, slot.destination, random.pick(targets)))
          : calls.createRoute(callOf(routeTableId, random.pick(destinations), random.pick(targets)));
    call.catch(() => {});
  }

  /** Somebody is faster than the call that is just about to arrive. */
  #meddle(routeTableId: string, destination: string): void {
    const { scenery, world } = this.#cloud.ec2;
    const table = world.tables.get(routeTableId);
    if (!table) return;
    const slot = slotAt(table, destination);
    if (slot?.origin === 'CreateRouteTable' || slot?.target.startsWith('vpce') || slot?.target === 'VpcLattice') return;
    const isThere = slot !== undefined;
    if (isThere && this.#random.chance(0.5)) scenery.removeRoute(routeTableId, destination);
    else scenery.route(routeTableId, destination, this.#random.pick(targets));
    this.#cloud.watch.touches(routeTableId, destination);
    this.#cloud.watch.called(routeTableId, destination, 'bob');
    this.#cloud.history.note('bob', `was faster at ${routeTableId} ${destination}`);
    const eventName = isThere ? 'ReplaceRoute' : 'CreateRoute';
    this.#send({ eventName }, 'bob', callOf(routeTableId, destination), routeTableId);
  }

  /** Services do as they please, and some of it tells nobody. */
  #serve(routeTableId: string): void {
    const { scenery, world } = this.#cloud.ec2;
    const random = this.#random;
    const destination = random.pick(ipv4.slice(0, 5));
    const before = world;
    const roll = random.next();
    if (roll < 0.25) scenery.propagate(routeTableId, destination);
    else if (roll < 0.35) scenery.stopPropagating(routeTableId, destination);
    else if (roll < 0.5) scenery.gatewayEndpoint(routeTableId);
    else if (roll < 0.65) this.#takeOver(routeTableId);
    else if (roll < 0.8) scenery.detach('pcx-bbbbbbbb');
    else if (roll < 0.9) scenery.target('pcx-bbbbbbbb');
    else scenery.advertise(routeTableId, destination, 'eni-aaaaaaaa');
    this.#cloud.history.note('service', `changes ${routeTableId}`, { changed: this.#cloud.ec2.world !== before });
  }

  /** A service puts a route through an interface of its own, or moves it to another one. */
  #takeOver(routeTableId: string): void {
    const { scenery } = this.#cloud.ec2;
    const made = this.#cloud.ec2.world.tables.get(routeTableId)?.routes ?? [];
    const before = made.find(({ target, origin }) => origin === 'CreateRoute' && target.startsWith('eni-ffff'));
    const eni = before?.target === 'eni-fffffff1' ? 'eni-fffffff2' : 'eni-fffffff1';
    scenery.foreignInterface(eni);
    const destination = before?.destination ?? this.#random.pick(ipv4.slice(0, 5));
    scenery.route(routeTableId, destination, eni);
    this.#cloud.watch.touches(routeTableId, destination);
  }

  /** CloudTrail reports a call that changed something. */
  #tell({ action, caller, input }: Call): void {
    const { faults, watch } = this.#cloud;
    const routeTableId = String(input['RouteTableId']);
    const destination = String(Object.entries(input).find(([key]) => key.startsWith('Destination'))?.[1]);
    const isOurs = caller.startsWith('fn-');
    if (isOurs && action === 'DeleteRoute' && this.#random.chance(0.1)) this.#insist(routeTableId, input);
    if (isOurs && !faults.strikes('own call as event')) return;
    const who = isOurs ? ourRole : caller;
    watch.called(routeTableId, destination, who);
    if (!isOurs) watch.touches(routeTableId, destination);
    this.#send({ eventName: action }, who, input, routeTableId);
  }

  /** Somebody makes a route anew that we have just deleted, before any read has shown that. */
  #insist(routeTableId: string, input: Call['input']): void {
    const { watch, scheduler, ec2 } = this.#cloud;
    const destination = Object.entries(input).find(([key]) => key.startsWith('Destination'))?.[1];
    const was = watch.facts(routeTableId).mutations.findLast((mutation) => mutation.destination === destination);
    if (was?.from === undefined) return;
    const again = callOf(routeTableId, was.destination, was.from);
    scheduler.at(scheduler.time + this.#random.between(200, 5 * second), () => {
      ec2
        .as('alice')
        .createRoute(again)
        .catch(() => {});
    });
  }

  #send(
    { eventName, at = this.#cloud.scheduler.time }: { readonly eventName: string; readonly at?: number | undefined },
    who: string,
    input: object,
    ...routeTableIds: readonly string[]
  ): void {
    const eventTime = `${new Date(at).toISOString().slice(0, 19)}Z`;
    const event = {
      source: 'aws.ec2',
      'detail-type': 'AWS API Call via CloudTrail',
      detail: {
        eventSource: 'ec2.amazonaws.com',
        eventName,
        eventTime,
        eventID: `event-${++this.#events}`,
        recipientAccountId: accountId,
        userIdentity: { type: 'AssumedRole', arn: `arn:aws:sts::${accountId}:assumed-role/${who}/session` },
        sourceIPAddress: '192.0.2.1',
        requestParameters: asCloudTrailTells(input),
      },
    };
    this.#delivery.event(event, `${eventName} ${routeTableIds.join(' ')} by ${who}`, routeTableIds);
  }

  // ── desired items ─────────────────────────────────────────────────────────────────────────────────────────────────

  #spec(routeTableId: string): Spec {
    return this.#cloud.watch.version(routeTableId).spec ?? this.#anySpec();
  }

  #put(routeTableId: string, given: Spec): void {
    const spec = permissible(given);
    this.#write(routeTableId, itemOf(routeTableId, spec, this.#random), spec);
  }

  #write(routeTableId: string, item: { routeTableId: string } | undefined, spec?: Spec): void {
    const { desired, watch, scheduler, history } = this.#cloud;
    const { versions } = watch.facts(routeTableId);
    // To write the same item again is no edit, and the stream does not report it.
    if (isDeepStrictEqual(item, versions.at(-1)?.item)) return;
    if (item) desired.put(item);
    else desired.delete(routeTableId);
    const version = { index: versions.length, at: scheduler.time, item, ...(spec && { spec }) };
    const before = versions.at(-1)?.spec;
    const { fights } = watch.facts(routeTableId);
    for (const destination of fights.destinations) {
      if (spec && before && wantedAt(spec, destination)?.target === wantedAt(before, destination)?.target) continue;
      fights.over(destination);
    }
    versions.push(version);
    history.note('alice', `writes version ${version.index} of ${routeTableId}`, item ?? 'deleted');
    this.#delivery.edited(routeTableId, item === undefined);
  }

  #anySpec(): Spec {
    const random = this.#random;
    return {
      routes: random.some(destinations, random.pick([0.2, 0.4, 0.6])).map((destination) => this.#routeTo(destination)),
      mode: random.chance(0.95) ? 'enforce' : 'observe',
      unlisted: random.chance(0.85) ? 'delete' : 'keep',
      ignore: [],
      ...(random.chance(0.5) && { maxDeletes: random.pick([0, 1, 2, 5, 10]) }),
    };
  }

  #routeTo(destination: string): Spec['routes'][number] {
    const random = this.#random;
    if (destination === '10.0.0.0/16')
      return { destination, target: random.pick(['nat-aaaaaaaa', 'eni-aaaaaaaa']), overrideLocal: true };
    if (destination === '10.0.1.0/24')
      return { destination, target: random.pick(['nat-aaaaaaaa', 'nat-bbbbbbbb', 'eni-aaaaaaaa']) };
    if (random.chance(0.15))
      return { destination, target: random.pick(refusable.slice(0, destination.startsWith('pl-') ? 2 : 3)) };
    if (destination.includes(':') && random.chance(0.3)) return { destination, target: 'eigw-aaaaaaaa' };
    return { destination, target: random.chance(0.1) ? 'i-aaaaaaaa' : random.pick(targets) };
  }

  /** The same item with some routes more, fewer or otherwise. */
  #changed(spec: Spec): Spec {
    const random = this.#random;
    const destination = random.pick([...destinations, '10.0.0.0/16']);
    const rest = spec.routes.filter((route) => route.destination !== destination);
    const gone = random.chance(0.3) ? random.some(rest, 0.7) : rest;
    return { ...spec, routes: random.chance(0.7) ? [...gone, this.#routeTo(destination)] : gone };
  }

  /** The same routes under other rules. */
  #ruledAnew(spec: Spec): Spec {
    const random = this.#random;
    const { scope: _, paused: __, ...rest } = spec;
    const { scope, ...unscoped } = spec;
    const others = ipv4.filter((block) => !spec.routes.some(({ destination }) => overlaps(block, destination)));
    const until = this.#cloud.scheduler.time + random.between(30, 400) * second;
    const rules: readonly (() => Spec)[] = [
      () => ({ ...spec, mode: spec.mode === 'enforce' ? 'observe' : 'enforce' }),
      () => (spec.paused ? rest : { ...spec, paused: random.chance(0.5) ? {} : { until } }),
      () => ({ ...spec, unlisted: spec.unlisted === 'keep' ? 'delete' : 'keep' }),
      () => ({ ...spec, ignore: spec.ignore.length > 0 ? [] : [{ target: 'eni-*', until }] }),
      () => ({ ...spec, ignore: spec.ignore.length > 0 ? [] : [{ destination: random.pick(ipv4), until }] }),
      () => ({ ...spec, ignore: random.some(others, 0.5).map((destination) => ({ destination })) }),
      () => (scope ? unscoped : { ...spec, scope: random.some([...ipv4, ...ipv6, '10.0.0.0/8', 'pl-aaaaaaaa'], 0.4) }),
      () => ({ ...spec, maxDeletes: random.pick([0, 1, 5, 10]) }),
    ];
    return random.pick(rules)();
  }

  /** A block becomes its two halves, or two halves become a block: with a target that may not be there yet. */
  #split(spec: Spec): Spec {
    const random = this.#random;
    const [block, halves] = random.pick(Object.entries(halvesOf));
    const isSplit = halves.some((half) => wantedAt(spec, half));
    const others = spec.routes.filter(({ destination }) => destination !== block && !halves.includes(destination));
    const target = random.pick(['pcx-aaaaaaaa', 'tgw-aaaaaaaa', 'nat-aaaaaaaa', pending]);
    if (target === pending) this.#pend();
    const made = isSplit ? [block] : halves;
    return { ...spec, routes: [...others, ...made.map((destination) => ({ destination, target }))] };
  }

  /** An attachment is not there yet. It comes up later, and CloudTrail reports it. */
  #pend(): void {
    const { scheduler, refusals } = this.#cloud;
    const [notAttached] = allRefusals;
    refusals.set(pending, notAttached);
    scheduler.at(scheduler.time + this.#random.between(10, 200) * second, () => {
      if (!refusals.delete(pending) || this.#random.chance(0.3)) return;
      this.#tellOf('CreateTransitGatewayVpcAttachment', pending);
    });
  }

  /** An edit, and soon after it the way back. */
  #thereAndBack(routeTableId: string, spec: Spec): void {
    const { scheduler } = this.#cloud;
    this.#put(routeTableId, this.#retargeted(spec));
    scheduler.at(scheduler.time + this.#random.between(1, 10) * second, () => this.#put(routeTableId, spec));
  }

  #retargeted(spec: Spec): Spec {
    const [first, ...rest] = spec.routes;
    return first ? { ...spec, routes: [this.#routeTo(first.destination), ...rest] } : this.#changed(spec);
  }

  #invalidThenValid(routeTableId: string, spec: Spec): void {
    const { scheduler } = this.#cloud;
    const random = this.#random;
    const broken = random.pick<Record<string, unknown>>([
      { routes: 'none' },
      { routes: [{ destination: '10.20.0.0', target: 'pcx-aaaaaaaa' }] },
      { routes: [{ destination: '10.20.0.0/16', target: 'nat' }] },
      { routes: [], unknown: true },
    ]);
    this.#write(routeTableId, { routeTableId, ...broken });
    // Others do not wait until it is mended.
    for (let calls = random.between(0, 3); calls > 0; calls--)
      scheduler.at(scheduler.time + random.between(1, 90) * second, () => {
        if (this.#cloud.ec2.world.tables.has(routeTableId)) this.#call(routeTableId);
      });
    if (random.chance(0.6))
      scheduler.at(scheduler.time + random.between(1, 60) * second, () => this.#put(routeTableId, this.#changed(spec)));
  }

  /** The item is deleted, and perhaps written once more. */
  #forget(routeTableId: string, spec: Spec): void {
    const { scheduler } = this.#cloud;
    this.#write(routeTableId, undefined);
    if (this.#random.chance(0.7))
      scheduler.at(scheduler.time + this.#random.between(1, 60) * second, () => this.#put(routeTableId, spec));
  }

  /** A person looks at the status, and lets the deletes go that wait. */
  #approve(routeTableId: string, spec: Spec): void {
    const { watch, orders, scheduler, history } = this.#cloud;
    const { status: { plan } = {}, memory: { desiredHash = '' } = {} } = watch.facts(routeTableId).state ?? {};
    // `routectl approve` refuses while the item is invalid.
    if (!plan?.blocked || !watch.version(routeTableId).spec) return this.#put(routeTableId, this.#changed(spec));
    const held = new Set(plan.blocked.deletes.map(({ destination }) => destination));
    const routes = plan.changes.flatMap(({ action, destination, from: target = '' }) =>
      action === 'delete' && held.has(destination) ? { destination, target } : [],
    );
    const lastsMs = this.#random.chance(0.5) ? 24 * 3_600 * second : this.#random.between(5, 90) * second;
    const until = new Date(scheduler.time + lastsMs).toISOString();
    const at = new Date(scheduler.time).toISOString();
    orders.put(routeTableId, 'approval', { routes, by: 'alice', at, until, desiredHash });
    const asKeys = routes.map(({ destination, target }) => `${destination} ${target}`);
    watch.approved(routeTableId, asKeys, at, scheduler.time + lastsMs);
    history.note('alice', `approves in ${routeTableId}`, asKeys);
  }

  // ── orders ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Somebody pauses a table or stops the fleet, or ends that: by its end, by taking it away, or by waiting. */
  #order(scope: string): void {
    const { watch, scheduler } = this.#cloud;
    const random = this.#random;
    if (watch.halts.told(scope).some((halt) => halt.scope === scope && halt.until > scheduler.time)) {
      this.#halt(scope, random.chance(0.8) ? 'resume' : 'take away');
      return;
    }
    this.#halt(scope, random.chance(0.3) ? 'by hand' : 'order');
    scheduler.at(scheduler.time + random.between(5, 90) * second, () => this.#halt(scope, 'resume'));
  }

  #halt(scope: string, what: 'order' | 'by hand' | 'resume' | 'take away'): void {
    const { watch, orders, scheduler, history } = this.#cloud;
    const { time } = scheduler;
    const until = this.#random.chance(0.3) ? time + this.#random.between(5, 60) * second : undefined;
    const isByHand = what === 'by hand';
    const isNew = isByHand || what === 'order';
    const isTaken = what === 'take away';
    // In a hurry it goes by either name, and by no reason of its own.
    const usual = scope === '*' ? 'stop' : 'pause';
    const present = this.#haltNames.get(scope) ?? usual;
    const name = isByHand ? this.#random.pick(['pause', 'stop']) : isNew ? usual : present;
    const halt = isNew
      ? watch.halts.order(scope, time, isByHand ? { mark: 'incident' } : { until })
      : watch.halts.end(scope, time, { taken: isTaken });
    if (!halt) return;
    const end = Number.isFinite(halt.until) && { until: new Date(halt.until).toISOString() };
    const written = isByHand ? { why: 'fire', reason: halt.mark, until: ['soon'] } : { reason: halt.mark, ...end };
    if (present !== name) orders.put(scope, present);
    orders.put(scope, name, isTaken ? undefined : written);
    this.#haltNames.set(scope, name);
    history.note('alice', `${what}: ${name} of ${scope}`, isTaken ? 'removed' : written);
  }

  /** Somebody holds a destination for a while, ends that early, or takes all holds of a table away. */
  #hold(routeTableId: string): void {
    const { watch, scheduler } = this.#cloud;
    const random = this.#random;
    const destination = random.pick(destinations);
    const { time } = scheduler;
    const until = random.chance(0.9) ? time + random.between(5, 120) * second : Infinity;
    watch.holds.order(routeTableId, { destination, mark: `hold-${time}`, from: time, until });
    this.#writeHolds(routeTableId);
    scheduler.at(time + random.between(5, 90) * second, () => {
      if (random.chance(0.8)) watch.holds.end(routeTableId, destination, scheduler.time);
      else watch.holds.takeAway(routeTableId, scheduler.time);
      this.#writeHolds(routeTableId);
    });
  }

  #writeHolds(routeTableId: string): void {
    const { watch, orders, history } = this.#cloud;
    const told = watch.holds.told(routeTableId);
    const holds = Object.fromEntries(
      told.map(({ destination, mark: at, until }) => {
        const end = Number.isFinite(until) ? new Date(until).toISOString() : 'when I am done';
        const spelled = this.#random.maybe(spellings[destination] ?? []) ?? destination;
        return [spelled, { reason: 'failover test', by: 'alice', at, until: end }];
      }),
    );
    orders.put(routeTableId, 'holds', told.length > 0 ? { holds } : undefined);
    history.note('alice', `holds in ${routeTableId}`, holds);
  }

  /** What is remembered of a table is gone, at a moment when nobody works on it. */
  #loseRecord(routeTableId: string): void {
    const { watch, states, history } = this.#cloud;
    if ([...watch.looks].some((look) => look.routeTableId === routeTableId && !look.by.isOver)) return;
    states.lose(routeTableId);
    if (this.#random.chance(0.5)) this.#cloud.unreadable.add(routeTableId);
    watch.lost(routeTableId);
    history.note('nobody', `remembers ${routeTableId} any more`);
  }

  /** Another tool has its own idea of a route, and does not let go for a while. */
  #fight(routeTableId: string, spec: Spec): void {
    const { scheduler, ec2, faults } = this.#cloud;
    const random = this.#random;
    const route = random.maybe(spec.routes.filter(({ overrideLocal }) => !overrideLocal));
    if (!route) return;
    const other = random.pick(targets.filter((target) => target !== route.target));
    const everyMs = random.between(4, 15) * second;
    const calls = ec2.as('terraform');
    for (let round = 0; round < 14; round++)
      scheduler.at(scheduler.time + round * everyMs, () => {
        if (faults.over) return;
        calls.replaceRoute(callOf(routeTableId, route.destination, other)).catch(() => {});
      });
  }

  /**
   * An item asks for a gateway that dies as soon as the route leads to it; somebody puts back one that works, at once or
   * after taking the dead route away. CloudTrail reports the gateway's end, and perhaps its return.
   */
  #dieOnArrival(routeTableId: string, spec: Spec): void {
    const { scheduler, ec2 } = this.#cloud;
    const route = this.#random.maybe(spec.routes.filter(({ destination }) => destination.startsWith('10.2')));
    const [dying, working] = ['nat-aaaaaaaa', 'tgw-aaaaaaaa'] as const;
    if (!route || route.target === dying) return;
    const { destination } = route;
    const others = spec.routes.filter((other) => other !== route);
    this.#put(routeTableId, { ...spec, routes: [...others, { destination, target: dying }] });
    const { time } = scheduler;
    const look = (): void => {
      const table = ec2.world.tables.get(routeTableId);
      if (table && slotAt(table, destination)?.target === dying) {
        ec2.scenery.vanish(dying);
        const random = this.#random;
        const bob = ec2.as('bob');
        const after = (seconds: number, act: () => Promise<unknown>): void =>
          scheduler.at(scheduler.time + seconds * second, () => void act().catch(() => {}));
        if (random.chance(0.5)) after(random.between(1, 30), async () => this.#tellOf('DeleteNatGateway', dying));
        // The event of how it was made comes late.
        if (random.chance(0.5))
          after(random.between(1, 60), async () => this.#tellOf('CreateNatGateway', dying, time - 30 * second));
        const mendsAfter = random.between(8, 20);
        if (random.chance(0.4)) {
          after(mendsAfter, () => bob.deleteRoute(callOf(routeTableId, destination)));
          after(mendsAfter + random.between(1, 20), () => bob.createRoute(callOf(routeTableId, destination, working)));
        } else after(mendsAfter, () => bob.replaceRoute(callOf(routeTableId, destination, working)));
        after(90, async () => {
          ec2.scenery.target(dying);
          if (random.chance(0.5)) this.#tellOf('CreateNatGateway', dying);
        });
      } else if (scheduler.time < time + 20 * second) scheduler.at(scheduler.time + second, look);
    };
    scheduler.at(time + second, look);
  }

  /** A service marks a table as its own to work in, or takes the mark away. */
  #mark(routeTableId: string): void {
    const { scenery, world } = this.#cloud.ec2;
    const mark = this.#random.pick(['AmazonFSx', 'kubernetes.io/cluster/one', 'KubernetesCluster']);
    if (world.tables.get(routeTableId)?.tags[mark] === undefined) scenery.tag(routeTableId, { [mark]: '' });
    else scenery.untag(routeTableId, mark);
    this.#cloud.history.note('service', `marks ${routeTableId}, or not: ${mark}`);
  }

  /** A gateway dies and is created again. CloudTrail reports both calls. They name no table. */
  #killTarget(): void {
    const { scheduler, ec2, history } = this.#cloud;
    const target = this.#random.pick(targets.filter((id) => !id.startsWith('eni')));
    ec2.scenery.vanish(target);
    history.note('alice', `takes ${target} away`);
    const [ends, begins] = target.startsWith('nat')
      ? (['DeleteNatGateway', 'CreateNatGateway'] as const)
      : target.startsWith('pcx')
        ? (['DeleteVpcPeeringConnection', 'AcceptVpcPeeringConnection'] as const)
        : target.startsWith('igw')
          ? (['DetachInternetGateway', 'AttachInternetGateway'] as const)
          : (['DeleteTransitGatewayVpcAttachment', 'CreateTransitGatewayVpcAttachment'] as const);
    this.#tellOf(ends, target);
    scheduler.at(scheduler.time + this.#random.between(5, 120) * second, () => {
      ec2.scenery.target(target);
      this.#tellOf(begins, target);
    });
  }

  /** A listed target dies, and an HA tool moves the route to one that works, once, before or after anybody saw that. */
  #failOver(routeTableId: string, spec: Spec): void {
    const { scheduler, ec2, faults, history } = this.#cloud;
    const random = this.#random;
    const dying = new Set(targets.filter((id) => !id.startsWith('eni')));
    const route = random.maybe(spec.routes.filter(({ target }) => dying.has(target)));
    if (!route) return;
    const { destination, target } = route;
    ec2.scenery.vanish(target);
    history.note('alice', `${target} dies`);
    const other = random.pick([...dying].filter((id) => id !== target));
    scheduler.at(scheduler.time + random.skewed(100, 90 * second), () => {
      ec2
        .as('bob')
        .replaceRoute(callOf(routeTableId, destination, other))
        .catch(() => {});
    });
    scheduler.at(scheduler.time + random.between(10, 400) * second, () => {
      ec2.scenery.target(target);
      history.note('alice', `${target} is there again`);
      if (random.chance(0.3))
        scheduler.at(scheduler.time + random.between(1, 250) * second, () => {
          if (faults.over) return;
          ec2.scenery.vanish(target);
          history.note('alice', `${target} dies again`);
          scheduler.at(scheduler.time + random.between(5, 250) * second, () => ec2.scenery.target(target));
        });
    });
  }

  /** CloudTrail reports a call about a target. */
  #tellOf(eventName: string, target: string, madeAt?: number): void {
    this.#send({ eventName, at: madeAt }, 'alice', { [eventName]: { id: target } }, ...this.tables);
  }
}

const overlaps = (one: string, other: string): boolean =>
  !one.startsWith('pl-') &&
  !other.startsWith('pl-') &&
  familyOf(one) === familyOf(other) &&
  (isInside(one, other) || isInside(other, one));

/** The same, without what the reconciler refuses: a listed route out of scope, or ignored for ever. */
function permissible({ scope, ...spec }: Spec): Spec {
  const listed = spec.routes.map(({ destination }) => destination);
  return {
    ...spec,
    ignore: spec.ignore.filter(
      ({ destination = '', until }) => until !== undefined || !listed.some((one) => overlaps(one, destination)),
    ),
    ...(scope && scope.length + listed.length > 0 && { scope: [...new Set([...scope, ...listed])] }),
  };
}

/** An item as a person writes it: defaults mostly left out, and the same destination spelled in other ways. */
function itemOf(routeTableId: string, spec: Spec, random: Random) {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const { mode, unlisted, scope, ignore, paused, maxDeletes } = spec;
  return {
    routeTableId,
    routes: spec.routes.map((route) => ({
      ...route,
      destination: random.chance(0.2)
        ? (random.maybe(spellings[route.destination] ?? []) ?? route.destination)
        : route.destination,
    })),
    ...(mode === 'observe' && { mode }),
    ...(unlisted === 'keep' && { unlisted }),
    ...(scope && { scope }),
    ...(maxDeletes !== undefined && { maxDeletes }),
    ...(ignore.length > 0 && {
      ignore: ignore.map(({ until, ...entry }) => ({
        ...entry,
        reason: 'somebody else keeps it',
        ...(until !== undefined && { until: iso(until) }),
      })),
    }),
    ...(paused && {
      paused: { reason: 'maintenance', ...(paused.until !== undefined && { until: iso(paused.until) }) },
    }),
  };
}
