import type { Cloud } from '../cloud.ts';
import type { Random } from '../random.ts';
import { destinations, second, spellings } from './stage.ts';

/** People who give orders: they pause tables, stop the fleet, hold destinations and approve deletes. */
export class Operators {
  readonly #cloud: Cloud;
  readonly #random: Random;
  /** The name under which the last pause or stop of each scope was written. */
  readonly #haltNames = new Map<string, string>();
  /** The edits that were approved. */
  readonly #edits = new Set<string>();

  constructor(cloud: Cloud, random: Random) {
    this.#cloud = cloud;
    this.#random = random;
  }

  /** Pauses a table, or stops the fleet if `scope` is `*`. If that is already so, ends it. */
  haltOrResume(scope: string): void {
    const { watch, scheduler } = this.#cloud;
    const random = this.#random;
    if (watch.halts.rowsOf(scope).some((halt) => halt.scope === scope && halt.until > scheduler.time)) {
      this.#halt(scope, random.chance(0.8) ? 'resume' : 'take away');
      return;
    }
    this.#halt(scope, random.chance(0.3) ? 'by hand' : 'order');
    scheduler.at(scheduler.time + random.between(5, 90) * second, () => this.#halt(scope, 'resume'));
  }

  /** Holds a destination. After a while, ends that hold or removes all holds of the table. */
  hold(routeTableId: string): void {
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

  /** Approves the waiting deletes that the status of a table shows. Returns whether there were any. */
  approve(routeTableId: string): boolean {
    const { watch, orders, scheduler, history } = this.#cloud;
    const { status: { plan } = {}, memory: { desiredHash = '' } = {} } = watch.facts(routeTableId).state ?? {};
    // `routectl approve` refuses while the item is invalid.
    if (!plan?.blocked || !watch.version(routeTableId).spec) return false;
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
    return true;
  }

  /** Approves the edit that a table waits for, as a person who has seen its message. Returns whether there was one. */
  approveEdit(routeTableId: string): boolean {
    const { watch, orders, scheduler, history } = this.#cloud;
    const edit = watch.facts(routeTableId).state?.status.plan?.blocked?.edit;
    if (edit === undefined) return false;
    const lastsMs = this.#random.chance(0.8) ? 24 * 3_600 * second : this.#random.between(5, 90) * second;
    const [at, until] = [scheduler.time, scheduler.time + lastsMs].map((time) => new Date(time).toISOString());
    this.#edits.add(edit);
    orders.put('*', 'approval', { edits: new Set(this.#edits), by: 'alice', at, until });
    for (const one of this.#edits) watch.edits.approve(one, scheduler.time, scheduler.time + lastsMs);
    history.note('alice', `approves ${edit}`, { until });
    return true;
  }

  /** Ends all pauses, stops and holds. */
  endOrders(tables: readonly string[]): void {
    const { watch, scheduler } = this.#cloud;
    for (const scope of watch.halts.scopes) this.#halt(scope, 'resume');
    for (const routeTableId of tables) {
      watch.holds.takeAway(routeTableId, scheduler.time);
      this.#writeHolds(routeTableId);
    }
  }

  #halt(scope: string, what: 'order' | 'by hand' | 'resume' | 'take away'): void {
    const { watch, orders, scheduler, history } = this.#cloud;
    const { time } = scheduler;
    const until = this.#random.chance(0.3) ? time + this.#random.between(5, 60) * second : undefined;
    const isByHand = what === 'by hand';
    const isNew = isByHand || what === 'order';
    const isTaken = what === 'take away';
    // A row that is written by hand may have either name, and always has the same reason.
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

  #writeHolds(routeTableId: string): void {
    const { watch, orders, history } = this.#cloud;
    const rows = watch.holds.rowsOf(routeTableId);
    const holds = Object.fromEntries(
      rows.map(({ destination, mark: at, until }) => {
        const end = Number.isFinite(until) ? new Date(until).toISOString() : 'when I am done';
        const spelled = this.#random.maybe(spellings[destination] ?? []) ?? destination;
        return [spelled, { reason: 'failover test', by: 'alice', at, until: end }];
      }),
    );
    orders.put(routeTableId, 'holds', rows.length > 0 ? { holds } : undefined);
    history.note('alice', `holds in ${routeTableId}`, holds);
  }
}
