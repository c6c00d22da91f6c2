import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { pack, unpack } from '../../../../reconciler/aws/dynamodb/pack.ts';
import { glanceOf, packNews, rowOf, stateOf } from '../../../../reconciler/aws/dynamodb/state-row.ts';
import type { News } from '../../../../reconciler/core/announce/news.ts';
import type { Actor } from '../../../../reconciler/core/memory/call.ts';
import type { Memory, Remembered } from '../../../../reconciler/core/memory/memory.ts';
import { shownOf } from '../../../../reconciler/core/status/status.ts';
import type { StoredState } from '../../../../reconciler/ports.ts';
import { situation } from '../../../support/arbitraries.ts';
import { memory, minutesAfter, now } from '../../../support/builders.ts';
import { itemLimit, itemSize } from '../../../support/dynamodb.ts';
import { state } from '../../../support/store-contract.ts';

const at = now.toISOString();

/** Random digits, the same for the same key. */
const hex = (key: string, digits: number): string => createHash('sha512').update(key).digest('hex').slice(0, digits);
const random = (key: string, below: number): number => Number.parseInt(hex(key, 12), 16) % below;
const oneOf = <T>(list: readonly T[], key: string): T | undefined => list[random(key, list.length)];
const filled = (text: string, length: number): string => text.repeat(Math.ceil(length / text.length)).slice(0, length);
const numbered = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));

/** The destinations of a table's 2,000 routes. */
interface Crowd {
  readonly destination: (n: number) => string;
  readonly targets: readonly string[];
  /** The instances behind listed interfaces. Gateways have none. */
  readonly instances?: readonly string[];
  readonly actors: readonly Actor[];
  readonly message: (n: number, target: string) => string;
  /** The time of a reconcile in the last day. */
  readonly time: (key: string) => string;
}

const deployer = (n: number, userAgent: string): Actor => ({
  arn: `arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_NetworkAdministrator_${hex(`role ${n % 7}`, 16)}/first.last-${n}@example.com`,
  sourceIp: `203.0.113.${n}`,
  userAgent,
});

const tool = (n: number): string =>
  `APN/1.0 HashiCorp/1.0 Terraform/1.9.${n} (+https://www.terraform.io) terraform-provider-aws/5.67.${n} aws-sdk-go-v2/1.30.${n} os/linux lang/go#1.22.6 md/${hex(`build ${n}`, 8)} `;

const reconciles = numbered(288, (n) => minutesAfter(-5 * n - random(`reconcile ${n}`, 300) / 60).toISOString());

/** The worst day: a failed deployment and a hundred people, each of whom fights for every route. */
const badDay: Crowd = {
  destination: (n) =>
    n % 2 ? `2001:db8:${hex(`net ${n}`, 4)}:${hex(`${n}`, 4)}::/64` : `10.${n >> 8}.${n & 255}.0/24`,
  targets: numbered(50, (n) => `tgw-${hex(`target ${n}`, 17)}`),
  actors: numbered(100, (n) => deployer(n, filled(tool(n), 200))),
  message: (n, target) =>
    filled(`The route ${badDay.destination(n)} through ${target} cannot be created: ${target} is not available. `, 300),
  time: (key) => String(oneOf(reconciles, key)),
};

/** Worse than any real day: hardly any text repeats. */
const worse: Crowd = {
  destination: (n) => `${hex(`net ${n}`, 32).replace(/.{4}(?=.)/g, '$&:')}/128`,
  targets: numbered(
    2_000,
    (n) => `arn:aws:networkmanager::111122223333:core-network/core-network-${hex(`target ${n}`, 17)}`,
  ),
  instances: numbered(100, (n) => `i-${hex(`instance ${n}`, 17)}`),
  actors: numbered(300, (n) => deployer(n, filled(hex(`agent ${n}`, 128), 1_000))),
  message: (n) => hex(`message ${n}`, 128) + hex(`more ${n}`, 128),
  time: (key) => new Date(now.getTime() - random(key, 86_400_000)).toISOString(),
};

const uuid = (key: string): string => hex(key, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

/** One route: it drifted, its repair was rejected, it is contested, and its target died. */
function crowded(
  { destination: destinationOf, targets, instances = [], actors, message, time }: Crowd,
  n: number,
): Remembered {
  const destination = destinationOf(n);
  const [from = '', to = ''] = [oneOf(targets, `from ${n}`), oneOf(targets, `to ${n}`)];
  const change = { action: 'replace', destination, from, to } as const;
  const actorOf = (key: string): Actor => oneOf(actors, key) ?? { arn: '' };
  const cause = {
    id: uuid(`event ${n}`),
    name: 'ReplaceRoute',
    time: time(`call ${n}`).replace(/\.\d+/, ''),
    actor: actorOf(`cause ${n}`),
  };
  const repairedAt = numbered(8, (repair) => time(`repair ${n} ${repair}`)).sort();
  return {
    listed: true,
    ours: to,
    ...(n % 3 === 0 && { seenAsListed: true }),
    ...(n % 5 === 0 && { wasLocal: true }),
    seen: {
      target: from,
      state: 'blackhole',
      ownerId: '444455556666',
      leftAlone: 'maybe-not-ours',
      takesTraffic: true,
    },
    ...(instances.length > 0 && { instances: { [to]: oneOf(instances, to) ?? '' } }),
    // One call takes a target down for all its routes, and the call that moved a route is the cause of its drift.
    down: {
      target: to,
      since: time(`dead ${to}`),
      takenDown: { id: uuid(to), name: 'DeleteNatGateway', time: time(`down ${to}`), actor: actorOf(`down ${to}`) },
      moved: cause,
    },
    planned: change,
    troubles: ['blackhole'],
    refusal: {
      action: 'replace',
      from,
      to,
      kind: 'rejected',
      code: 'InvalidTransitGatewayID.NotFound',
      message: message(n, to),
      remedy: 'this VPC has no available attachment to the transit gateway: attach the VPC, or list another target',
      attempts: 1 + random(`attempts ${n}`, 30),
      nextRetry: time(`retry ${n}`),
    },
    repairs: {
      target: to,
      at: repairedAt,
      by: numbered(5, (actor) => actorOf(`by ${n} ${actor}`)),
      contest: { since: time(`since ${n}`), until: time(`until ${n}`), waitMs: 60_000 * 2 ** random(`wait ${n}`, 6) },
    },
    drift: [
      {
        ...change,
        foundAt: time(`found ${n}`),
        cause,
        runs: ['2026-11-23T11:50:00.000Z#0123456789ab'],
      },
    ],
  };
}

function stateUnder(crowd: Crowd): StoredState {
  const destinations = new Map(numbered(2_000, (n) => [crowd.destination(n), crowded(crowd, n)]));
  const routes = [...destinations].map(([destination, { ours = '' }]) => ({ destination, target: ours }));
  const remembered: Memory = {
    ...state.memory,
    destinations,
    forgotten: 3,
    approval: { at, by: 'alice', routes },
    openRuns: numbered(5, (n) => ({ id: `run-${n}`, destinations: [...destinations.keys()] })),
    callsSeen: numbered(300, (n) => hex(`call ${n}`, 10)),
    indexed: [...crowd.targets, ...numbered(200, (n) => `subnet-${hex(`subnet ${n}`, 17)}`)],
  };
  const first = [...destinations].slice(0, 100);
  const failures = first.flatMap(([destination, { refusal }]) => (refusal ? { ...refusal, destination } : []));
  return { ...state, memory: remembered, status: { ...state.status, ...shownOf(remembered), failures } };
}

const print = (title: string, row: Record<string, unknown>): void =>
  console.log(`${title}: ${itemSize(row)} bytes, of which the memory takes ${itemSize(row['memory'])}`);

/** The memory that proves earned deletes, and that the next read is compared with. */
const earning = ({ destinations, approval, policySince }: Memory): object => ({
  approval,
  policySince,
  destinations: [...destinations].map(
    ([destination, { listed, ours, overrodeLocal, seenAsListed, wasLocal, seen, arrival, down }]) => ({
      destination,
      listed,
      ours,
      overrodeLocal,
      seenAsListed,
      wasLocal,
      seen,
      arrival,
      down: down && { target: down.target, since: down.since },
    }),
  ),
});

describe('the row of a state', () => {
  it('is read as it was written, with every field set', () => {
    expect(stateOf(rowOf(state), now)).toEqual(state);
  });

  it('shows the status attribute by attribute', () => {
    const { status, revision, seen, dueAt } = state;
    const packed = expect.any(Uint8Array);
    expect(rowOf(state)).toEqual({
      ...status,
      item: 'status',
      revision,
      seen,
      dueAt,
      memory: packed,
      unsent: packed,
    });
  });

  it('is read as it was written, whatever is remembered', () => {
    fc.assert(
      fc.property(situation, ({ memory }) => {
        expect(stateOf(rowOf({ ...state, memory }), now)?.memory).toEqual(memory);
      }),
    );
  });

  it('fits in an item, and remembers everything, with 2,000 routes that a hundred actors fight for', () => {
    const given = stateUnder(badDay);
    const row = rowOf(given);
    print('2,000 routes on a bad day', row);
    expect(itemSize(row)).toBeLessThan(380_000);
    const read = stateOf(row, now);
    expect(read?.memory).toEqual({ ...given.memory, forgotten: 4 });
    // People see only the first entries of each list.
    const [few, all] = [read?.status, given.status];
    for (const list of ['failures', 'contested', 'drift'] as const)
      expect(few?.[list]).toEqual(all[list]?.slice(0, 20));
    expect({ ...few, failures: [], contested: [], drift: [] }).toEqual({
      ...all,
      failures: [],
      contested: [],
      drift: [],
    });
  });

  it('fits in an item, and keeps the proof of earned deletes, with 2,000 routes that have nothing in common', () => {
    const given = stateUnder(worse);
    const row = rowOf(given);
    print('2,000 routes of which nothing is alike', row);
    expect(itemSize(row)).toBeLessThan(itemLimit);
    const read = stateOf(row, now)?.memory ?? memory();
    expect(earning(read)).toEqual(earning(given.memory));
    expect(read.forgotten).toBe(4);
  });

  it('fits in an item, and is read again, after somebody created and deleted 30,000 routes', () => {
    const gone = numbered(30_000, (n): [string, Remembered] => [
      `10.${n >> 8}.${n & 255}.0/24`,
      { arrival: 'appeared', emptySince: worse.time(`gone ${n}`) },
    ]);
    const there: [string, Remembered] = ['10.20.0.0/16', { arrival: 'appeared', ours: 'pcx-aaaaaaaa' }];
    const row = rowOf({ ...state, memory: { ...state.memory, destinations: new Map([...gone, there]) } });
    expect(itemSize(row)).toBeLessThan(itemLimit);
    expect([...(stateOf(row, now)?.memory.destinations ?? [])]).toEqual([there]);
  });

  it('is read again, however much its memory repeats', () => {
    const run = 'x'.repeat(100);
    const drift = numbered(
      20,
      () =>
        ({
          ...crowded(worse, 1).planned,
          action: 'delete',
          destination: run,
          foundAt: at,
          runs: numbered(20, () => run),
        }) as const,
    );
    const destinations = new Map(
      numbered(2_000, (n): [string, Remembered] => [`10.${n >> 8}.${n & 255}.0/24`, { arrival: 'appeared', drift }]),
    );
    const row = rowOf({ ...state, memory: { ...state.memory, destinations } });
    expect(stateOf(row, now)?.memory.destinations.size).toBe(2_000);
  });

  it('keeps the first events that are not announced yet, and counts the others', () => {
    const given = stateUnder(worse);
    const [event] = state.unsent.events;
    const changes = [...given.memory.destinations.values()]
      .slice(0, 100)
      .flatMap(({ planned, repairs }) => (planned ? { ...planned, actor: repairs?.by[0] ?? { arn: '' } } : []));
    const events = numbered(50, (n) =>
      event?.type === 'Route Drift Healed'
        ? { ...event, detail: { ...event.detail, id: `${n}`, reason: hex(`reason ${n}`, 128), changes } }
        : [],
    ).flat();
    const news: News = { metrics: state.unsent.metrics, events };
    expect(packNews(news).byteLength).toBeLessThan(60_000);
    const row = rowOf({ ...given, unsent: news });
    expect(itemSize(row)).toBeLessThan(itemLimit);
    const unsent = stateOf(row, now)?.unsent;
    const kept = unsent?.events.length ?? 0;
    expect(kept).toBeGreaterThan(0);
    expect(unsent?.events).toEqual(events.slice(0, kept));
    const dropped = { name: 'EventsDropped', value: events.length - kept };
    expect(unsent?.metrics).toEqual([...news.metrics, ...(dropped.value > 0 ? [dropped] : [])]);
  });
});

const gzipped = (text: string): Uint8Array => gzipSync(text);

const recordOf = (value: unknown): Record<string, unknown> => z.looseObject({}).parse(value);

const bytesOf = (value: unknown): Uint8Array => z.instanceof(Uint8Array).parse(value);

/** Copies of a value, each with one field of another type. */
function* broken(value: unknown): Generator {
  yield value === null || typeof value === 'string' ? 7 : 'text';
  if (typeof value !== 'object' || value === null) return;
  yield Array.isArray(value) ? { 0: 'text' } : [];
  for (const [key, inner] of Object.entries(value))
    for (const wrong of broken(inner)) yield Object.assign(structuredClone(value), { [key]: wrong });
}

/** The paths of all times in a value, such as `repairs.at.0`. */
function* timesIn(value: unknown, path = ''): Generator<string> {
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) yield path;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  for (const [key, inner] of Object.entries(value)) yield* timesIn(inner, path ? `${path}.${key}` : key);
}

/** A copy of a value with another text at a path. */
function withTime(value: unknown, [key, ...rest]: readonly string[], time: string): unknown {
  if (key === undefined) return time;
  if (Array.isArray(value)) return value.with(Number(key), withTime(value[Number(key)], rest, time));
  const record = recordOf(value);
  return { ...record, [key]: withTime(record[key], rest, time) };
}

describe('a row that cannot be read', () => {
  const row = rowOf(state);
  const { memory: packed, unsent, item: _, ...plain } = row;

  it('has an attribute of the wrong type', () => {
    const wrong = [...broken(plain)].filter((one) => typeof one === 'object' && !Array.isArray(one));
    expect(wrong.length).toBeGreaterThan(100);
    for (const one of wrong) {
      const given = { ...recordOf(one), memory: packed, unsent };
      expect({ read: stateOf(given, now), glance: glanceOf(given, now), one }).toEqual({
        read: undefined,
        glance: undefined,
        one,
      });
    }
  });

  it('has a memory with a field of the wrong type', () => {
    const wrong = [...broken(unpack(packed))];
    expect(wrong.length).toBeGreaterThan(100);
    for (const one of wrong) expect({ read: stateOf({ ...row, memory: pack(one) }, now), one }).toEqual({ one });
  });

  it('has an invalid time', () => {
    expect(stateOf({ ...row, nextRetry: 'soon' }, now)).toBeUndefined();
    const retry = recordOf(unpack(packed));
    expect(stateOf({ ...row, memory: pack({ ...retry, lastWriteAt: 'lately' }) }, now)).toBeUndefined();
  });

  it.each([
    ['status', /^(pause|trigger|lastDrift|contested|failures|drift|inForce)\b/],
    ['memory', /^(policy\.|orders|approval|lastDrift)\b|\.(cause|takenDown|moved)\.time$/],
  ] as const)(
    'has a time in its %s that no reconcile can have written, such as one in the year 9999',
    (part, others) => {
      const given = part === 'status' ? plain : recordOf(unpack(packed));
      const layOut = (one: unknown) =>
        part === 'status' ? { ...recordOf(one), memory: packed, unsent } : { ...row, memory: pack(one) };
      const paths = [...timesIn(given)];
      const isRead = (path: string) =>
        stateOf(layOut(withTime(given, path.split('.'), '9999-12-31T23:59:59.000Z')), now) !== undefined;
      // Times that people choose, or that are only shown, may be any.
      expect(paths.filter(isRead)).toEqual(paths.filter((path) => others.test(path)));
      expect(paths.filter((path) => !others.test(path)).length).toBeGreaterThan(4);
    },
  );

  it('has news of the wrong shape', () => {
    const wrong = [
      {},
      [],
      {
        metrics: [],
        events: {},
      },
      {
        metrics: {},
        events: [],
      },
      {
        metrics: [],
        events: [{}],
      },
      {
        metrics: [
          {
            name: 'RoutesMislaid',
            value: 1,
          },
        ],
        events: [],
      },
      {
        metrics: [{ value: 1 }],
        events: [],
      },
    ];
    const [event] = state.unsent.events;
    const eventsOfWrongType = [...broken(event)].map((one) => ({ metrics: [], events: [one] }));
    for (const news of [...wrong, ...eventsOfWrongType])
      expect(stateOf({ ...row, unsent: pack(news) }, now)).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['is no binary', 'text'],
    ['is missing', undefined],
    ['is null', null],
    ['is empty', new Uint8Array()],
    ['is not gzipped', new Uint8Array([1, 2, 3])],
    ['is cut off', bytesOf(packed).slice(0, 100)],
    ['is no JSON', gzipped('text')],
    ['is JSON of another shape', gzipped('{"destinations":[]}')],
    ['names texts that are not there', gzipped('[[],{"destinations":[[7,{"ours":8}]]}]')],
    ['nests too deep', gzipped(`[[],${'['.repeat(100_000)}${']'.repeat(100_000)}]`)],
    ['unpacks to far more than a memory can be', gzipped(`[[],{"destinations":[${' '.repeat(50_000_000)}]}]`)],
    ['names half a text', gzipped('[["a","b"],{"destinations":[[0.5,{}]]}]')],
  ])('has a memory that %s, and still shows its status', (_, memory) => {
    expect(stateOf({ ...row, memory }, now)).toBeUndefined();
    expect(glanceOf({ ...row, memory }, now)?.status).toEqual(state.status);
  });
});

it('a row with fields of a later version is read', () => {
  const { memory } = rowOf(state);
  const later = pack({ ...recordOf(unpack(memory)), more: 'text' });
  expect(stateOf({ ...rowOf(state), more: 'text', memory: later }, now)).toEqual({
    ...state,
    status: { ...state.status, more: 'text' },
    memory: { ...state.memory, more: 'text' },
  });
});
