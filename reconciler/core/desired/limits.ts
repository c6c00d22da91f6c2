/** How many entries each list of an item may have. `routes` has three families: IPv4, IPv6 and prefix lists. */
export const entriesAtMost = { routes: 3_000, scope: 200, ignore: 200 } as const;
