import { type Memory, emptyMemory } from '../../../../reconciler/core/memory/memory.ts';
import { isEnforced, underOrders } from '../../../../reconciler/core/desired/enforcement.ts';
import { permitted } from '../../../../reconciler/core/plan/guard.ts';
import { desiredHash } from '../../../../reconciler/core/desired/hashes.ts';
import { type ApprovedRoute, noOrders } from '../../../../reconciler/core/desired/orders.ts';
import { type Plan, plan } from '../../../../reconciler/core/plan/plan.ts';
import { type ActualRoute, destinationText, isStatic } from '../../../../reconciler/core/route/route.ts';
import { withArrivals } from '../../../../reconciler/core/status/arrival.ts';
import { rememberRead } from '../../../../reconciler/core/status/remember.ts';
import { actual, desired, minutesAfter, now, table } from '../../../support/builders.ts';

type Item = Parameters<typeof desired>;

/** One table over time. Each step edits the item, changes the table, or lets time pass; then a reconcile follows. */
export class Story {
  #desired: ReturnType<typeof desired>;
  #routes: readonly ActualRoute[];
  #tags: Record<string, string> = {};
  #memory: Memory = emptyMemory;
  #now = now;

  constructor(item: Item, routes: readonly ActualRoute[] = []) {
    this.#desired = desired(...item);
    this.#routes = routes;
  }

  edit(...item: Item): this {
    const { orders } = this.#desired;
    this.#desired = { ...desired(...item), ...(orders && { orders }) };
    return this;
  }

  approve(...routes: readonly ApprovedRoute[]): this {
    const at = this.#now.toISOString();
    const approval = { routes, by: 'alice', at, until: minutesAfter(24 * 60, this.#now) };
    const orders = { ...noOrders, approval: { ...approval, desiredHash: desiredHash(this.#desired) } };
    this.#desired = underOrders(this.#desired, orders);
    return this;
  }

  drift(change: (routes: readonly ActualRoute[]) => readonly ActualRoute[]): this {
    this.#routes = change(this.#routes);
    return this;
  }

  tagged(tags: Record<string, string>): this {
    this.#tags = tags;
    return this;
  }

  later(minutes: number): this {
    this.#now = minutesAfter(minutes, this.#now);
    return this;
  }

  /** One reconcile in which every call succeeds. */
  reconcile(): Plan {
    const found = table(this.#routes, { tags: this.#tags });
    this.#memory = withArrivals(this.#memory, { desired: this.#desired, actual: found, now: this.#now });
    const planned = plan(this.#desired, found, { now: this.#now, memory: this.#memory });
    const changes = isEnforced(this.#desired, this.#now) ? permitted(planned) : [];
    const seen = { desired: this.#desired, actual: found, plan: planned, now: this.#now };
    this.#memory = rememberRead(
      this.#memory,
      seen,
      changes.map((change) => ({ change, isCertain: true })),
    );
    const changed = new Set(changes.map(({ destination }) => destinationText(destination)));
    this.#routes = [
      ...this.#routes.filter((route) => !isStatic(route) || !changed.has(destinationText(route.destination))),
      ...changes.flatMap((change) => {
        if (change.action === 'delete') return [];
        const { destination, to: target } = change;
        return actual({ destination, target }, change.action === 'replace' ? { origin: change.from.origin } : {});
      }),
    ];
    return planned;
  }

  /** Reconciles, and says why deletes wait and which routes the table has then. */
  get outcome(): { blocked: string | undefined; routes: string[] } {
    const { blocked } = this.reconcile();
    return { blocked: blocked?.code, routes: this.#routes.map(({ spelling }) => spelling).toSorted() };
  }
}

/** The story of a table that is in sync and watched: a read was made 30 s after its adoption. */
export function watchedStory(item: Item): Story {
  const story = new Story(item);
  story.reconcile();
  story.later(1).reconcile();
  return story;
}

export const added =
  (...more: readonly ActualRoute[]) =>
  (routes: readonly ActualRoute[]): readonly ActualRoute[] => [...routes, ...more];
