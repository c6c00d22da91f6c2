import type { Call } from '../../support/ec2/journal.ts';
import { isAlive, slotAt } from '../../support/ec2/world.ts';
import { asInCloudTrail, callOf } from '../calls.ts';
import type { Cloud } from '../cloud.ts';
import { type Delivery, accountId, region } from '../delivery.ts';
import { ourRole } from '../drifts.ts';
import { instance } from '../instances.ts';
import { type Spec, allowedFor } from '../oracle.ts';
import type { Random } from '../random.ts';
import { destinations, ipv4, mortal, second, targets, vpc } from './stage.ts';

/** People, tools and services that change EC2, and CloudTrail, which reports their calls. */
export class Callers {
  readonly #cloud: Cloud;
  readonly #delivery: Delivery;
  readonly #random: Random;
  readonly #tables: readonly string[];
  #events = 0;

  constructor(cloud: Cloud, delivery: Delivery, random: Random, tables: readonly string[]) {
    this.#cloud = cloud;
    this.#delivery = delivery;
    this.#random = random;
    this.#tables = tables;
  }

  // ── people and tools ───────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Somebody changes a route by hand or with a tool, or asks for the target that it has. If EC2 rejects the call, nothing
   * happens.
   */
  call(routeTableId: string): void {
    const random = this.#random;
    const calls = this.#cloud.ec2.as(random.pick(['alice', 'bob', 'deployer']));
    const table = this.#cloud.ec2.world.tables.get(routeTableId);
    const slot = random.maybe(table?.routes.filter(({ origin }) => origin === 'CreateRoute') ?? []);
    const roll = random.next();
    const call =
      slot && roll < 0.35
        ? calls.deleteRoute(callOf(routeTableId, slot.destination))
        : slot && roll < 0.7
          ? calls.replaceRoute(
              callOf(routeTableId, slot.destination, random.chance(0.3) ? slot.target : random.pick(targets)),
            )
          : calls.createRoute(callOf(routeTableId, random.pick(destinations), random.pick(targets)));
    call.catch(() => {});
  }

  /** Somebody changes a route just before a call of the reconciler arrives. */
  interfere(routeTableId: string, destination: string): void {
    const { watch, history, ec2 } = this.#cloud;
    const table = ec2.world.tables.get(routeTableId);
    if (!table) return;
    const slot = slotAt(table, destination);
    if (slot?.origin === 'CreateRouteTable' || slot?.target.startsWith('vpce') || slot?.target === 'VpcLattice') return;
    const isThere = slot !== undefined;
    const target = isThere && this.#random.chance(0.5) ? undefined : this.#random.pick(targets);
    if (target === undefined) ec2.scenery.removeRoute(routeTableId, destination);
    else ec2.scenery.route(routeTableId, destination, target);
    watch.touches(routeTableId, destination);
    watch.made(routeTableId, destination, 'bob', ec2.world);
    history.note('bob', `was faster at ${routeTableId} ${destination}`);
    const eventName = target === undefined ? 'DeleteRoute' : isThere ? 'ReplaceRoute' : 'CreateRoute';
    this.#send({ eventName }, 'bob', callOf(routeTableId, destination, target), routeTableId);
  }

  /** Another tool replaces a listed route again and again for a while. */
  fight(routeTableId: string, spec: Spec): void {
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

  /** Somebody deletes a gateway and creates it again. CloudTrail reports both calls, which name no table. */
  replaceTarget(): void {
    const { scheduler, ec2, history } = this.#cloud;
    const target = this.#random.pick(mortal);
    ec2.scenery.vanish(target);
    history.note('alice', `takes ${target} away`);
    const [ends, begins] = callsAbout(target);
    this.reportAbout(target, ends);
    scheduler.at(scheduler.time + this.#random.between(5, 120) * second, () => {
      ec2.scenery.target(target);
      this.reportAbout(target, begins);
    });
  }

  /** A listed target dies, and a failover script moves the route to another target once. Later the listed one is back. */
  failOver(routeTableId: string, spec: Spec): void {
    const { scheduler, ec2, faults, history } = this.#cloud;
    const random = this.#random;
    const route = random.maybe(spec.routes.filter(({ target }) => mortal.includes(target)));
    if (!route) return;
    const { destination, target } = route;
    ec2.scenery.vanish(target);
    history.note('alice', `${target} dies`);
    const { alternates = [] } = route;
    const other =
      random.maybe(random.chance(0.7) ? alternates : []) ?? random.pick(mortal.filter((id) => id !== target));
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

  /** An instance is stopped, or crashes. Later it runs again. EC2 reports its states, and CloudTrail the calls. */
  stopInstance(): void {
    const { scheduler, faults } = this.#cloud;
    const random = this.#random;
    this.takeInstanceDown(random.chance(0.5) ? 'alice' : undefined);
    scheduler.at(scheduler.time + random.between(5, 200) * second, () => {
      if (!faults.over) this.bringInstanceUp();
    });
  }

  /** @param by who stops it. Without a name, it crashes */
  takeInstanceDown(by: string | undefined): void {
    const { ec2, history, watch, scheduler } = this.#cloud;
    if (!isAlive(instance, vpc, ec2.world)) return;
    history.note(by ?? 'nobody', by === undefined ? `${instance} crashes` : `stops ${instance}`);
    ec2.scenery.target(instance, { running: false });
    watch.instances.stopped(by, scheduler.time);
    if (by !== undefined) this.reportAbout(instance, 'StopInstances');
    for (const state of ['stopping', 'stopped']) this.#reportState(state);
  }

  bringInstanceUp(): void {
    const { ec2, history, watch, scheduler } = this.#cloud;
    if (isAlive(instance, vpc, ec2.world)) return;
    history.note('alice', `starts ${instance}`);
    ec2.scenery.target(instance);
    watch.instances.started(scheduler.time);
    this.reportAbout(instance, 'StartInstances');
    this.#reportState('running');
  }

  /** EC2 reports a state of the instance, which needs no trail. */
  #reportState(state: string): void {
    const time = `${this.#cloud.scheduler.now().toISOString().slice(0, 19)}Z`;
    const event = {
      id: `event-${++this.#events}`,
      source: 'aws.ec2',
      account: accountId,
      region,
      'detail-type': 'EC2 Instance State-change Notification',
      time,
      detail: { 'instance-id': instance, state },
    };
    this.#delivery.event(event, `${instance} is ${state}`);
  }

  /** A pair of firewalls moves a route with alternates back and forth for a while. */
  switchOver(routeTableId: string, spec: Spec): void {
    const { scheduler, ec2, faults } = this.#cloud;
    const random = this.#random;
    const route = random.maybe(spec.routes.filter(({ alternates = [] }) => alternates.length > 0));
    if (!route) return;
    const everyMs = random.between(2, 40) * second;
    const calls = ec2.as('deployer');
    for (let round = 0; round < 8; round++)
      scheduler.at(scheduler.time + round * everyMs, () => {
        if (faults.over) return;
        const target = random.pick(allowedFor(route));
        calls.replaceRoute(callOf(routeTableId, route.destination, target)).catch(() => {});
      });
  }

  // ── services ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A service changes a table or a target. No event reports some of these changes. */
  serve(routeTableId: string): void {
    const { scenery, world } = this.#cloud.ec2;
    const random = this.#random;
    const destination = random.pick(ipv4.slice(0, 5));
    const before = world;
    const roll = random.next();
    if (roll < 0.25) scenery.propagate(routeTableId, destination);
    else if (roll < 0.35) scenery.stopPropagating(routeTableId, destination);
    else if (roll < 0.5) scenery.gatewayEndpoint(routeTableId);
    else if (roll < 0.65) this.takeOver(routeTableId);
    else if (roll < 0.8) scenery.detach('pcx-bbbbbbbb');
    else if (roll < 0.9) scenery.target('pcx-bbbbbbbb');
    else scenery.advertise(routeTableId, destination, 'eni-aaaaaaaa');
    this.#cloud.history.note('service', `changes ${routeTableId}`, { changed: this.#cloud.ec2.world !== before });
  }

  /** A service leads a route to its own interface, or moves it to another one. */
  takeOver(routeTableId: string): void {
    const { scenery } = this.#cloud.ec2;
    const made = this.#cloud.ec2.world.tables.get(routeTableId)?.routes ?? [];
    const before = made.find(({ target, origin }) => origin === 'CreateRoute' && target.startsWith('eni-ffff'));
    const eni = before?.target === 'eni-fffffff1' ? 'eni-fffffff2' : 'eni-fffffff1';
    scenery.foreignInterface(eni);
    const destination = before?.destination ?? this.#random.pick(ipv4.slice(0, 5));
    scenery.route(routeTableId, destination, eni);
    this.#cloud.watch.touches(routeTableId, destination);
  }

  /** A service tags a table as its own, or removes the tag. */
  tag(routeTableId: string): void {
    const { scenery, world } = this.#cloud.ec2;
    const tag = this.#random.pick(['AmazonFSx', 'kubernetes.io/cluster/one', 'KubernetesCluster']);
    if (world.tables.get(routeTableId)?.tags[tag] === undefined) scenery.tag(routeTableId, { [tag]: '' });
    else scenery.untag(routeTableId, tag);
    this.#cloud.history.note('service', `marks ${routeTableId}, or not: ${tag}`);
  }

  // ── CloudTrail ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * CloudTrail reports a call that EC2 accepted. Our own calls are reported only as a fault.
   *
   * @param isMade the call changed the route that it is about
   */
  report({ action, caller, input }: Call, isMade: boolean): void {
    const { faults, watch, ec2 } = this.#cloud;
    const routeTableId = String(input['RouteTableId']);
    const destination = String(destinationIn(input));
    const isOurs = caller.startsWith('fn-');
    if (isOurs && action === 'DeleteRoute' && this.#random.chance(0.1)) this.#createAgain(routeTableId, input);
    if (isOurs && action !== 'DeleteRoute' && this.#random.chance(0.05)) this.#undo(routeTableId, destination);
    if (isOurs && !faults.strikes('own call as event')) return;
    const who = isOurs ? ourRole : caller;
    if (isMade) watch.made(routeTableId, destination, who, ec2.world);
    if (isMade && !isOurs) watch.touches(routeTableId, destination);
    this.#send({ eventName: action }, who, input, routeTableId);
  }

  /** CloudTrail reports the call that will bring a target up. */
  reportAttached(target: string): void {
    this.reportAbout(target, callsAbout(target)[1]);
  }

  /** CloudTrail reports a call about a target: of this moment, or of `madeAt`. */
  reportAbout(target: string, eventName: string, madeAt?: number): void {
    this.#send({ eventName, at: madeAt }, 'alice', { [eventName]: { id: target } }, ...this.#tables);
  }

  /** Somebody creates a route again that the reconciler has just deleted, before a read shows the delete. */
  #createAgain(routeTableId: string, input: Call['input']): void {
    const { watch, scheduler, ec2 } = this.#cloud;
    const destination = destinationIn(input);
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

  /** Somebody deletes or replaces a route that the reconciler has just written, often in the same second. */
  #undo(routeTableId: string, destination: string): void {
    const { watch, scheduler, ec2, faults } = this.#cloud;
    const random = this.#random;
    const was = watch.facts(routeTableId).mutations.findLast((mutation) => mutation.destination === destination);
    const target = random.maybe([was?.from, random.pick(targets), undefined].filter((one) => one !== was?.to));
    const calls = ec2.as('alice');
    scheduler.at(scheduler.time + random.between(10, 1_500), () => {
      if (faults.over) return;
      const call = callOf(routeTableId, destination, target);
      (target === undefined ? calls.deleteRoute(call) : calls.replaceRoute(call)).catch(() => {});
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
      account: accountId,
      region,
      'detail-type': 'AWS API Call via CloudTrail',
      detail: {
        eventSource: 'ec2.amazonaws.com',
        eventName,
        eventTime,
        eventID: `event-${++this.#events}`,
        recipientAccountId: accountId,
        userIdentity: { type: 'AssumedRole', arn: `arn:aws:sts::${accountId}:assumed-role/${who}/session` },
        sourceIPAddress: '192.0.2.1',
        requestParameters: asInCloudTrail(input),
      },
    };
    this.#delivery.event(event, `${eventName} ${routeTableIds.join(' ')} by ${who}`);
  }
}

const destinationIn = (input: Call['input']): unknown =>
  Object.entries(input).find(([key]) => key.startsWith('Destination'))?.[1];

/** The calls that take a target down and bring it up. */
function callsAbout(target: string): readonly [string, string] {
  if (target.startsWith('nat')) return ['DeleteNatGateway', 'CreateNatGateway'];
  if (target.startsWith('pcx')) return ['DeleteVpcPeeringConnection', 'AcceptVpcPeeringConnection'];
  if (target.startsWith('igw')) return ['DetachInternetGateway', 'AttachInternetGateway'];
  return ['DeleteTransitGatewayVpcAttachment', 'CreateTransitGatewayVpcAttachment'];
}
