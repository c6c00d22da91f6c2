import { describe, expect, it } from 'vitest';
import { parseDesired } from '../../../../reconciler/core/desired/desired.ts';
import { now, routeTableId } from '../../../support/builders.ts';
import { block, many, route, slowItems } from '../../../support/slow-items.ts';

// However an item is made, checking it takes little time: every sweep checks every item. `npm run bench` shows the time.

const problemsIn = (item: object) => {
  const parsed = parseDesired({ routeTableId, routes: [], ...item }, now);
  return parsed.ok ? [] : parsed.problems;
};

describe('an item with too many entries in a list', () => {
  it('is refused with one problem for each such list, and nothing else is checked', () => {
    const ignore = many(201, () => ({ reason: '' }));
    expect(problemsIn({ routes: many(4_000, route), scope: many(13_000, (n) => block(n + 4_000)), ignore })).toEqual([
      { path: 'routes', found: '4000 entries', message: expect.stringContaining('expected at most 3000 entries') },
      { path: 'scope', found: '13000 entries', message: expect.stringContaining('expected at most 200 entries') },
      { path: 'ignore', found: '201 entries', message: expect.stringContaining('expected at most 200 entries') },
    ]);
  });

  it('is refused without reading any entry', () => {
    let read = 0;
    const counted = (list: readonly unknown[]) =>
      new Proxy(list, {
        get(entries, key) {
          if (typeof key === 'string' && /^[0-9]+$/.test(key)) read++;
          return Reflect.get(entries, key);
        },
      });
    const problems = problemsIn({ routes: counted(many(4_000, route)), scope: counted(many(13_000, block)) });
    expect(problems.map(({ path }) => path)).toEqual(['routes', 'scope']);
    expect(read).toBe(0);
  });

  it('is accepted at the limit', () => {
    const ignore = many(200, (n) => ({ destination: block(70_000 + n), reason: 'x' }));
    const scope = ['10.0.0.0/8', ...many(199, (n) => block(70_000 + n))];
    expect(problemsIn({ routes: many(1_000, route), scope, ignore })).toEqual([]);
  });

  it('of one family is refused, and its routes are not compared with scope and ignore', () => {
    expect(problemsIn({ routes: many(1_001, route), scope: ['192.168.0.0/16'] })).toEqual([
      { path: 'routes', found: '1001 ipv4 routes', message: expect.stringContaining('at most 1000 routes') },
    ]);
  });
});

it.each(['9999-12-31T23:59:59-01:00', '0000-01-01T00:00:00+01:00'])(
  'an end at %s is refused: in UTC that is no time of four digits, and what is stored with it could not be read',
  (until) => {
    const problem = { path: 'paused.until', found: until, message: expect.stringContaining('expected an ISO 8601') };
    expect(problemsIn({ paused: { reason: 'x', until } })).toEqual([problem]);
    expect(problemsIn({ paused: { reason: 'x', until: '9999-12-31T23:59:59Z' } })).toEqual([]);
  },
);

it('of very many unknown fields, the first 100 are reported', () => {
  expect(problemsIn(Object.fromEntries(many(20_000, (n) => [`field${n}`, n])))).toHaveLength(100);
});

it.each(slowItems)('an item with %s is refused', (_, item) => {
  expect(problemsIn(item)).not.toEqual([]);
});
