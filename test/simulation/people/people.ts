import { isAlive, slotAt } from '../../support/ec2/world.ts';
import type { Cloud } from '../cloud.ts';
import type { Delivery } from '../delivery.ts';
import { itsInterface } from '../instances.ts';
import type { Late } from '../invariants.ts';
import { type Spec, allowedFor } from '../oracle.ts';
import type { Random } from '../random.ts';
import { newBrakeRow } from '../../../reconciler/core/plan/fleet-brake.ts';
import { Attack } from './attack.ts';
import { Callers } from './callers.ts';
import { Editors } from './editors.ts';
import { Operators } from './operators.ts';
import { Poison } from './poison.ts';
import { ipv4, lateTargets, mortal, refusable, second, setStage, targets, vpc } from './stage.ts';

/**
 * Everybody except the reconciler: editors write items, operators give orders, callers change routes, attackers try to
 * misuse it, and some rows are poisoned. Plans what they do, at random.
 */
export class People {
  readonly tables: readonly string[];
  readonly #cloud: Cloud;
  readonly #random: Random;
  readonly #callers: Callers;
  readonly #editors: Editors;
  readonly #operators: Operators;
  readonly #attack: Attack;
  readonly #poison: Poison;

  constructor(cloud: Cloud, delivery: Delivery, random: Random) {
    this.#cloud = cloud;
    this.#random = random;
    this.tables = Array.from({ length: random.pick([1, 1, 2, 3, 4]) }, (_, index) => `rtb-0000000${index + 1}`);
    this.#callers = new Callers(cloud, delivery, random, this.tables);
    this.#editors = new Editors(cloud, delivery, random, this.#callers);
    this.#operators = new Operators(cloud, random);
    this.#attack = new Attack(cloud, random);
    this.#poison = new Poison(cloud, delivery, random, this.tables);
    cloud.onEffect = (call, isMade) => {
      this.#callers.report(call, isMade);
      this.#poison.blame(call);
    };
    cloud.meddle = (routeTableId, destination) => this.#callers.interfere(routeTableId, destination);
    cloud.edit = (routeTableId) => this.#editors.change(routeTableId, this.#editors.spec(routeTableId));
  }

  /** Sets the stage, and plans what happens until `end`. */
  prepare(end: number): void {
    const random = this.#random;
    setStage(this.#cloud, random);
    this.#attack.prepare();
    this.#poison.prepare(end);
    for (const routeTableId of this.tables) this.#prepareTable(routeTableId);
    this.act(random.between(2, 14), end);
    if (random.chance(0.3))
      for (let index = random.between(1, 4); index > 0; index--)
        this.#at(this.#momentBefore(end), (id) => this.#attack.act(id, this.#editors.spec(id)));
    if (random.chance(0.2)) this.#storm(this.#momentBefore(end));
    if (random.chance(0.5)) this.#pushElsewhere(end);
    for (const routeTableId of this.tables)
      if (this.#cloud.faults.strikes('writes denied for a while')) this.#cloud.denied.add(routeTableId);
  }

  /** Plans `count` deeds until `end`. */
  act(count: number, end: number): void {
    for (let index = 0; index < count; index++)
      this.#at(this.#momentBefore(end), (routeTableId) => this.#act(routeTableId));
  }

  /** After the last fault: all targets are up, denials and orders end, and EC2 accepts some of the rejected targets. */
  mend(): void {
    const { denied, refusals } = this.#cloud;
    const { scenery, world } = this.#cloud.ec2;
    for (const target of mortal.filter((id) => !isAlive(id, vpc, world))) scenery.target(target);
    this.#callers.bringInstanceUp();
    denied.clear();
    this.#operators.endOrders(this.tables);
    if (this.#random.chance(0.5)) for (const routeTableId of this.tables) this.#operators.approveEdit(routeTableId);
    for (const target of this.#random.some([...refusals.keys()], 0.4)) refusals.delete(target);
  }

  /** Poisons some leases once more, after the last fault. */
  readonly poison = (): void => this.#poison.leaseForEver();
  /** Somebody lists a target that is not up. Returns how it is attached, and how it comes up. */
  listLate(): (Late & { readonly attach: () => void; readonly comeUp: () => void }) | undefined {
    const { ec2, history } = this.#cloud;
    const target = this.#random.pick(lateTargets);
    ec2.scenery.detach(target);
    const listed = this.#editors.listLate(this.#random.pick(this.tables), target);
    if (!listed) return undefined;
    return {
      ...listed,
      attach: () => {
        history.note('alice', `attaches ${target}`);
        this.#callers.reportAttached(target);
      },
      comeUp: () => {
        history.note('EC2', `${target} is up`);
        ec2.scenery.target(target);
      },
    };
  }

  /**
   * The target of a route with alternates dies, sometimes with all of them. Returns how the alternates come up and how
   * the target comes back. Undefined if no route works on a target that may die and has alternates.
   */
  takeDown(): { readonly comeUp: () => void; readonly comeBack: () => void } | undefined {
    const { ec2, watch, history } = this.#cloud;
    const used = this.tables.flatMap((routeTableId) => {
      const table = ec2.world.tables.get(routeTableId);
      return (watch.version(routeTableId).spec?.routes ?? []).flatMap((route) => {
        const target = table && slotAt(table, route.destination)?.target;
        const isMortal = target !== undefined && mortal.includes(target) && allowedFor(route).includes(target);
        return isMortal && route.alternates ? [{ target, route }] : [];
      });
    });
    const chosen = this.#random.maybe(used);
    if (!chosen) return undefined;
    const { target, route } = chosen;
    const others = allowedFor(route).filter((id) => id !== target && mortal.includes(id));
    const dying = this.#random.chance(0.5) ? others : [];
    for (const id of [target, ...dying]) ec2.scenery.vanish(id);
    history.note('nobody', `${[target, ...dying].join(', ')} die`);
    const revive = (ids: readonly string[]) => (): void => {
      if (ids.length === 0) return;
      for (const id of ids) ec2.scenery.target(id);
      history.note('nobody', `${ids.join(', ')} are there again`);
    };
    return { comeUp: revive(dying), comeBack: revive([target]) };
  }

  /**
   * The instance crashes at rest, and EC2 reports it. Returns the managed tables whose routes lead to it, and how it comes
   * up again.
   */
  crash(): { readonly affected: readonly string[]; readonly comeUp: () => void } {
    const { ec2, watch } = this.#cloud;
    const affected = this.tables.filter((routeTableId) => {
      const routes = ec2.world.tables.get(routeTableId)?.routes ?? [];
      const leadsThere = routes.some(({ target, origin }) => target === itsInterface && origin === 'CreateRoute');
      return leadsThere && watch.version(routeTableId).spec !== undefined;
    });
    this.#callers.takeInstanceDown(undefined);
    return { affected, comeUp: () => this.#callers.bringInstanceUp() };
  }

  /** Creates a table, usually with the routes of its item or some of them. */
  #prepareTable(routeTableId: string): void {
    const { scenery } = this.#cloud.ec2;
    const random = this.#random;
    scenery.table(routeTableId, { vpc });
    const spec = this.#editors.anySpec();
    const asDesired = random.chance(0.6) ? spec.routes : random.some(spec.routes, 0.5);
    for (const { destination, target } of asDesired)
      if (!refusable.includes(target) && target !== 'local' && !target.startsWith('i-'))
        scenery.route(routeTableId, destination, target);
    if (random.chance(0.3)) scenery.route(routeTableId, random.pick(ipv4), random.pick(targets));
    if (random.chance(0.2)) scenery.gatewayEndpoint(routeTableId);
    if (random.chance(0.1)) scenery.lattice(routeTableId);
    if (random.chance(0.2)) scenery.propagate(routeTableId, random.pick(ipv4.slice(0, 5)));
    if (random.chance(0.1)) this.#callers.takeOver(routeTableId);
    if (random.chance(0.95)) this.#editors.put(routeTableId, spec);
  }

  /** One deed, drawn by its likelihood. */
  #act(routeTableId: string): void {
    const random = this.#random;
    const roll = random.next();
    const editors = this.#editors;
    const callers = this.#callers;
    const operators = this.#operators;
    const spec = editors.spec(routeTableId);
    if (roll < 0.04) this.#attack.act(routeTableId, spec);
    else if (roll < 0.3) callers.call(routeTableId);
    else if (roll < 0.34) operators.haltOrResume(random.chance(0.3) ? '*' : routeTableId);
    else if (roll < 0.36) operators.hold(routeTableId);
    else if (roll < 0.38) this.#loseState(routeTableId);
    else if (roll < 0.4) callers.fight(routeTableId, spec);
    else if (roll < 0.405) callers.replaceTarget();
    else if (roll < 0.41) callers.stopInstance();
    else if (roll < 0.417) callers.switchOver(routeTableId, spec);
    else if (roll < 0.43) callers.failOver(routeTableId, spec);
    else if (roll < 0.44) editors.listDyingTarget(routeTableId, spec);
    else if (roll < 0.46) callers.tag(routeTableId);
    else if (roll < 0.6) editors.editRoutes(routeTableId, spec);
    else if (roll < 0.68) editors.changeAndUndo(routeTableId, spec);
    else if (roll < 0.73) editors.changePolicy(routeTableId, spec);
    else if (roll < 0.78) editors.breakItem(routeTableId, spec);
    else if (roll < 0.82) editors.deleteItem(routeTableId, spec);
    else if (roll < 0.87) this.#approve(routeTableId, spec);
    else if (roll < 0.97) callers.serve(routeTableId);
    else this.#cloud.ec2.scenery.deleteTable(routeTableId);
  }

  /** A pipeline edits other tables of the fleet, again and again. They take the places of the simulated tables. */
  #pushElsewhere(end: number): void {
    const { scheduler, states, watch, history } = this.#cloud;
    const ids = Array.from({ length: this.#random.pick([3, 4, 5, 5, 5]) }, (_, index) => `rtb-eeeeeee${index}`);
    const takePlace = async (id: string): Promise<void> => {
      if (!watch.edits.hasPlaceFor(id, scheduler.time)) return;
      const row = states.brake ?? newBrakeRow;
      const places = { ...row.places, [id]: new Date(scheduler.time).toISOString() };
      const others = Object.keys(places).filter(
        (one) => scheduler.time - Date.parse(places[one] ?? '') < 11 * 60 * second,
      );
      if (others.length > watch.edits.tooMany) return;
      history.note('pipeline', `edits ${id}`);
      watch.edits.others.set(id, scheduler.time);
      await states.writeBrake({ ...row, revision: row.revision + 1, places }, states.brake?.revision);
    };
    for (const id of ids) {
      scheduler.at(scheduler.time + this.#random.between(0, 20 * second), () => void takePlace(id));
      for (let count = this.#random.between(0, 2); count > 0; count--)
        scheduler.at(scheduler.time + this.#momentBefore(end), () => void takePlace(id));
    }
  }

  /** Twelve calls on one table within 4 seconds. */
  #storm(afterMs: number): void {
    const { scheduler } = this.#cloud;
    const routeTableId = this.#random.pick(this.tables);
    for (let index = 0; index < 12; index++)
      scheduler.at(scheduler.time + afterMs + this.#random.between(0, 4 * second), () =>
        this.#callers.call(routeTableId),
      );
  }

  /** Approves the waiting deletes of a table, or edits its item if there are none. */
  #approve(routeTableId: string, spec: Spec): void {
    const isApproved =
      (this.#random.chance(0.5) && this.#operators.approveEdit(routeTableId)) || this.#operators.approve(routeTableId);
    if (!isApproved) this.#editors.change(routeTableId, spec);
  }

  /** Loses the state of a table while no function works on it. Some lost states leave an unreadable row. */
  #loseState(routeTableId: string): void {
    const { watch, states, unreadable, history } = this.#cloud;
    if ([...watch.looks].some((look) => look.routeTableId === routeTableId && !look.by.isOver)) return;
    states.lose(routeTableId);
    if (this.#random.chance(0.5)) unreadable.add(routeTableId);
    watch.lost(routeTableId);
    history.note('nobody', `remembers ${routeTableId} any more`);
  }

  /** Plans a deed on one of the tables. It is skipped if the table no longer exists then. */
  #at(afterMs: number, act: (routeTableId: string) => void): void {
    const { scheduler, ec2 } = this.#cloud;
    const routeTableId = this.#random.pick(this.tables);
    scheduler.at(scheduler.time + afterMs, () => {
      if (ec2.world.tables.has(routeTableId)) act(routeTableId);
    });
  }

  #momentBefore(end: number): number {
    return this.#random.between(0, end - this.#cloud.scheduler.time);
  }
}
