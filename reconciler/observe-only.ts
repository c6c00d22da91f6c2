import type { World } from './ports.ts';

/** A world in which every item counts as if it were in mode `observe`, whatever people write. */
export const observeOnly = <W extends World>(world: W): W => ({
  ...world,
  desired: {
    existing: (routeTableIds) => world.desired.existing(routeTableIds),
    async *pages(cursor) {
      for await (const { items, ...page } of world.desired.pages(cursor))
        yield { ...page, items: items.map(({ routeTableId, item }) => ({ routeTableId, item: observed(item) })) };
    },
  },
  lastValid: {
    write: (routeTableId, version) => world.lastValid.write(routeTableId, version),
    remove: (routeTableId) => world.lastValid.remove(routeTableId),
    async read(routeTableId) {
      const version = await world.lastValid.read(routeTableId);
      return version && { ...version, item: observed(version.item) };
    },
  },
  async checkpoint(routeTableId) {
    const { item, ...rest } = await world.checkpoint(routeTableId);
    return { ...rest, item: observed(item) };
  },
});

/** An invalid mode stays as it is: it is reported as a problem of the item. */
const observed = (item: unknown): unknown =>
  typeof item === 'object' && item !== null && (!('mode' in item) || item.mode === 'enforce')
    ? { ...item, mode: 'observe' }
    : item;
