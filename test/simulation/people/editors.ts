import { isDeepStrictEqual } from 'node:util';
import { familyOf, isInside } from '../../support/ec2/blocks.ts';
import { slotAt } from '../../support/ec2/world.ts';
import { callOf } from '../calls.ts';
import type { Cloud } from '../cloud.ts';
import type { Delivery } from '../delivery.ts';
import { type Spec, wantedAt, isEnforced } from '../oracle.ts';
import type { Late } from '../invariants.ts';
import type { Random } from '../random.ts';
import type { Callers } from './callers.ts';
import { destinations, ipv4, ipv6, notAttached, pending, refusable, second, spellings, targets } from './stage.ts';

const halvesOf: Readonly<Record<string, readonly string[]>> = {
  '10.21.0.0/16': ['10.21.0.0/17', '10.21.128.0/17'],
  '172.16.0.0/12': ['172.16.0.0/13', '172.24.0.0/13'],
};
/** The gateway that dies when a route leads to it, and the one that works. */
const dying = 'nat-aaaaaaaa';
const working = 'tgw-aaaaaaaa';

/** People and pipelines that write desired items. */
export class Editors {
  readonly #cloud: Cloud;
  readonly #delivery: Delivery;
  readonly #random: Random;
  readonly #callers: Callers;

  constructor(cloud: Cloud, delivery: Delivery, random: Random, callers: Callers) {
    this.#cloud = cloud;
    this.#delivery = delivery;
    this.#random = random;
    this.#callers = callers;
  }

  /** What the item of a table asks for now; anything if it has no valid item. */
  spec(routeTableId: string): Spec {
    return this.#cloud.watch.version(routeTableId).spec ?? this.anySpec();
  }

  anySpec(): Spec {
    const random = this.#random;
    return {
      routes: random.some(destinations, random.pick([0.2, 0.4, 0.6])).map((destination) => this.#routeTo(destination)),
      mode: random.chance(0.95) ? 'enforce' : 'observe',
      unlisted: random.chance(0.85) ? 'delete' : 'keep',
      ignore: [],
      ...(random.chance(0.5) && { maxDeletes: random.pick([0, 1, 2, 5, 10]) }),
    };
  }

  // ── edits ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes a valid item. */
  put(routeTableId: string, given: Spec): void {
    const spec = permissible(given);
    this.#write(routeTableId, itemOf(routeTableId, spec, this.#random), spec);
  }

  /** Splits or merges a block, or changes other routes. */
  editRoutes(routeTableId: string, spec: Spec): void {
    if (this.#random.chance(0.35)) this.#split(routeTableId, spec);
    else this.change(routeTableId, spec);
  }

  /** Adds, removes or retargets routes. */
  change(routeTableId: string, spec: Spec): void {
    this.put(routeTableId, this.#changed(spec));
  }

  /** Retargets a route, and soon edits it back. */
  changeAndUndo(routeTableId: string, spec: Spec): void {
    this.put(routeTableId, this.#retargeted(spec));
    this.#after(this.#random.between(1, 10), () => this.put(routeTableId, spec));
  }

  /** Changes any field except the routes. */
  changePolicy(routeTableId: string, spec: Spec): void {
    const random = this.#random;
    const { scope: _, paused: __, ...rest } = spec;
    const { scope, ...unscoped } = spec;
    const others = ipv4.filter((block) => !spec.routes.some(({ destination }) => overlaps(block, destination)));
    const until = this.#cloud.scheduler.time + random.between(30, 400) * second;
    const edits: readonly (() => Spec)[] = [
      () => ({ ...spec, mode: spec.mode === 'enforce' ? 'observe' : 'enforce' }),
      () => (spec.paused ? rest : { ...spec, paused: random.chance(0.5) ? {} : { until } }),
      () => ({ ...spec, unlisted: spec.unlisted === 'keep' ? 'delete' : 'keep' }),
      () => ({ ...spec, ignore: spec.ignore.length > 0 ? [] : [{ target: 'eni-*', until }] }),
      () => ({ ...spec, ignore: spec.ignore.length > 0 ? [] : [{ destination: random.pick(ipv4), until }] }),
      () => ({ ...spec, ignore: random.some(others, 0.5).map((destination) => ({ destination })) }),
      () => (scope ? unscoped : { ...spec, scope: random.some([...ipv4, ...ipv6, '10.0.0.0/8', 'pl-aaaaaaaa'], 0.4) }),
      () => ({ ...spec, maxDeletes: random.pick([0, 1, 5, 10]) }),
    ];
    this.put(routeTableId, random.pick(edits)());
  }

  /** Splits a block into its halves, or merges two halves. The target may not be attached yet. */
  #split(routeTableId: string, spec: Spec): void {
    const random = this.#random;
    const [block, halves] = random.pick(Object.entries(halvesOf));
    const isSplit = halves.some((half) => wantedAt(spec, half));
    const others = spec.routes.filter(({ destination }) => destination !== block && !halves.includes(destination));
    const target = random.pick(['pcx-aaaaaaaa', 'tgw-aaaaaaaa', 'nat-aaaaaaaa', pending]);
    if (target === pending) this.#attachLater();
    const made = isSplit ? [block] : halves;
    this.put(routeTableId, { ...spec, routes: [...others, ...made.map((destination) => ({ destination, target }))] });
  }

  /** Lists a target where nothing is. Undefined if the item asks for nothing there, or nothing may be changed. */
  listLate(routeTableId: string, target: string): Late | undefined {
    const { spec } = this.#cloud.watch.version(routeTableId);
    const destination = '10.77.0.0/16';
    const { scheduler, watch, ec2 } = this.#cloud;
    if (!spec || !ec2.world.tables.has(routeTableId) || watch.halts.since(routeTableId, scheduler.time) !== undefined)
      return undefined;
    if (!isEnforced(spec, scheduler.time) || spec.scope || spec.ignore.length > 0) return undefined;
    this.put(routeTableId, { ...spec, routes: [...spec.routes, { destination, target }] });
    return { routeTableId, destination, target };
  }

  /** Writes an invalid item, and usually a valid one soon after. Others change routes meanwhile. */
  breakItem(routeTableId: string, spec: Spec): void {
    const random = this.#random;
    const broken = random.pick<Record<string, unknown>>([
      { routes: 'none' },
      { routes: [{ destination: '10.20.0.0', target: 'pcx-aaaaaaaa' }] },
      { routes: [{ destination: '10.20.0.0/16', target: 'nat' }] },
      { routes: [], unknown: true },
    ]);
    this.#write(routeTableId, { routeTableId, ...broken });
    for (let calls = random.between(0, 3); calls > 0; calls--)
      this.#after(random.between(1, 90), () => {
        if (this.#cloud.ec2.world.tables.has(routeTableId)) this.#callers.call(routeTableId);
      });
    if (random.chance(0.6)) this.#after(random.between(1, 60), () => this.change(routeTableId, spec));
  }

  /** Deletes the item, and usually writes it again soon after. */
  deleteItem(routeTableId: string, spec: Spec): void {
    this.#write(routeTableId, undefined);
    if (this.#random.chance(0.7)) this.#after(this.#random.between(1, 60), () => this.put(routeTableId, spec));
  }

  /**
   * Lists a gateway that dies as soon as the route leads to it. Then somebody leads the route to a working gateway.
   * CloudTrail may report the calls about the dying gateway, also late.
   */
  listDyingTarget(routeTableId: string, spec: Spec): void {
    const { scheduler } = this.#cloud;
    const route = this.#random.maybe(spec.routes.filter(({ destination }) => destination.startsWith('10.2')));
    if (!route || route.target === dying) return;
    const { destination } = route;
    const others = spec.routes.filter((other) => other !== route);
    const alternates = this.#random.chance(0.3) ? { alternates: [working] } : {};
    this.put(routeTableId, { ...spec, routes: [...others, { destination, target: dying, ...alternates }] });
    const listedAt = scheduler.time;
    const killOnceRouted = (): void => {
      const table = this.#cloud.ec2.world.tables.get(routeTableId);
      if (table && slotAt(table, destination)?.target === dying) this.#kill({ listedAt, routeTableId, destination });
      else if (scheduler.time < listedAt + 20 * second) this.#after(1, killOnceRouted);
    };
    this.#after(1, killOnceRouted);
  }

  /** The dying gateway dies, somebody repairs the route, and later the gateway comes back. */
  #kill({
    listedAt,
    routeTableId,
    destination,
  }: {
    readonly listedAt: number;
    readonly routeTableId: string;
    readonly destination: string;
  }): void {
    const { ec2 } = this.#cloud;
    const random = this.#random;
    const bob = ec2.as('bob');
    const call = (seconds: number, make: () => Promise<unknown>): void =>
      this.#after(seconds, () => void make().catch(() => {}));
    ec2.scenery.vanish(dying);
    if (random.chance(0.5))
      this.#after(random.between(1, 30), () => this.#callers.reportAbout(dying, 'DeleteNatGateway'));
    if (random.chance(0.5))
      this.#after(random.between(1, 60), () =>
        this.#callers.reportAbout(dying, 'CreateNatGateway', listedAt - 30 * second),
      );
    const repairedAfter = random.between(8, 20);
    if (random.chance(0.4)) {
      call(repairedAfter, () => bob.deleteRoute(callOf(routeTableId, destination)));
      call(repairedAfter + random.between(1, 20), () => bob.createRoute(callOf(routeTableId, destination, working)));
    } else call(repairedAfter, () => bob.replaceRoute(callOf(routeTableId, destination, working)));
    this.#after(90, () => {
      ec2.scenery.target(dying);
      if (random.chance(0.5)) this.#callers.reportAbout(dying, 'CreateNatGateway');
    });
  }

  // ── what they write ────────────────────────────────────────────────────────────────────────────────────────────────

  #routeTo(destination: string): Spec['routes'][number] {
    const random = this.#random;
    const route = this.#plainRouteTo(destination);
    if (route.overrideLocal || random.chance(0.7)) return route;
    const others = random.some(targets, 0.4).filter((id) => id !== route.target);
    return others.length > 0 ? { ...route, alternates: others.slice(0, 5) } : route;
  }

  #plainRouteTo(destination: string): Spec['routes'][number] {
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

  #changed(spec: Spec): Spec {
    const random = this.#random;
    const destination = random.pick([...destinations, '10.0.0.0/16']);
    const rest = spec.routes.filter((route) => route.destination !== destination);
    const left = random.chance(0.3) ? random.some(rest, 0.7) : rest;
    return { ...spec, routes: random.chance(0.7) ? [...left, this.#routeTo(destination)] : left };
  }

  #retargeted(spec: Spec): Spec {
    const [first, ...rest] = spec.routes;
    return first ? { ...spec, routes: [this.#routeTo(first.destination), ...rest] } : this.#changed(spec);
  }

  /** The pending gateway is not attached now. It comes up later, and CloudTrail usually reports it. */
  #attachLater(): void {
    const { refusals } = this.#cloud;
    refusals.set(pending, notAttached);
    this.#after(this.#random.between(10, 200), () => {
      if (!refusals.delete(pending) || this.#random.chance(0.3)) return;
      this.#callers.reportAbout(pending, 'CreateTransitGatewayVpcAttachment');
    });
  }

  /** Writes or deletes an item. `spec` is what it asks for, if it is valid. */
  #write(routeTableId: string, item: { routeTableId: string } | undefined, spec?: Spec): void {
    const { desired, watch, scheduler, history } = this.#cloud;
    const { versions } = watch.facts(routeTableId);
    // A write of an equal item is not an edit, and the stream does not report it.
    if (isDeepStrictEqual(item, versions.at(-1)?.item)) return;
    if (item) desired.put(item);
    else desired.delete(routeTableId);
    const version = { index: versions.length, at: scheduler.time, item, ...(spec && { spec }) };
    const before = versions.at(-1)?.spec;
    const { fights, dead } = watch.facts(routeTableId);
    const isEdited = (destination: string): boolean =>
      !(spec && before && isDeepStrictEqual(wantedAt(spec, destination), wantedAt(before, destination)));
    for (const destination of fights.destinations) if (isEdited(destination)) fights.over(destination);
    // The reconciler may forget that a target was dead when the item asks for another one.
    for (const destination of dead.keys()) if (isEdited(destination)) dead.delete(destination);
    versions.push(version);
    history.note('alice', `writes version ${version.index} of ${routeTableId}`, item ?? 'deleted');
    this.#delivery.edited(routeTableId, item === undefined);
  }

  #after(seconds: number, act: () => void): void {
    const { scheduler } = this.#cloud;
    scheduler.at(scheduler.time + seconds * second, act);
  }
}

const overlaps = (one: string, other: string): boolean =>
  !one.startsWith('pl-') &&
  !other.startsWith('pl-') &&
  familyOf(one) === familyOf(other) &&
  (isInside(one, other) || isInside(other, one));

/** The same spec without what validation rejects: a listed route that is out of scope, or ignored without an end. */
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

/** An item as a person writes it: without most defaults, and with some destinations in another spelling. */
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
