import { type Server, createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { announcer } from '../../../reconciler/aws/announcer.ts';
import type { DomainEvent } from '../../../reconciler/core/announce/domain-event.ts';
import { now, routeTableId } from '../../support/builders.ts';
import { logInto } from '../../support/in-memory-world.ts';

/** `count` events with different ids. Each has about this many kilobytes. */
const events = (count: number, kilobytes: readonly number[] = []): readonly DomainEvent[] =>
  Array.from({ length: count }, (_, n) => ({
    type: 'Route Drift Healed',
    detail: {
      id: `event-${n}`,
      routeTableId,
      phase: 'InSync',
      reason: 'x'.repeat(1_000 * (kilobytes[n] ?? 0)),
      at: now.toISOString(),
      trigger: { kind: 'sweep' },
      changes: [],
      since: now.toISOString(),
    },
  }));

let server: Server | undefined;
afterEach(() => server?.close());

let lines: Parameters<typeof logInto>[0];
let log: ReturnType<typeof logInto>;
beforeEach(() => {
  lines = [];
  log = logInto(lines, {});
});

const putEvents = z.object({
  Entries: z.array(
    z.object({
      Source: z.literal('route-reconciler'),
      DetailType: z.literal('Route Drift Healed'),
      Detail: z.string().transform((text) => z.object({ id: z.string() }).parse(JSON.parse(text)).id),
    }),
  ),
});

interface Answer {
  readonly status?: number;
  readonly body?: object;
}

const accepted = (count: number): object[] => Array.from({ length: count }, (_, n) => ({ EventId: `${n}` }));
const rejected = { ErrorCode: 'InternalFailure', ErrorMessage: 'try again' };

/** A bus that gives these answers, one per batch, and then accepts everything. It records the ids in every batch. */
async function busOf(...answers: readonly Answer[]) {
  const batches: string[][] = [];
  const listening = createServer((request, response) => {
    json(request)
      .then((body) => {
        const { Entries } = putEvents.parse(body);
        const all = { FailedEntryCount: 0, Entries: accepted(Entries.length) };
        const { status = 200, body: answer = all } = answers[batches.length] ?? {};
        batches.push(Entries.map(({ Detail }) => Detail));
        return response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(answer));
      })
      .catch(() => response.destroy());
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const address = z.object({ port: z.number() }).parse(listening.address());
  const bus = new EventBridgeClient({
    endpoint: `http://127.0.0.1:${address.port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  return { bus, batches };
}

function metersOf() {
  const measured: [string, number][] = [];
  const published: number[] = [];
  const about: string[] = [];
  const metrics = {
    addMetric: (name: string, _: unknown, value: number) => void measured.push([name, value]),
    addMetadata: (key: string, value: string) => void about.push(`${key} ${value}`),
    publishStoredMetrics: () => void published.push(measured.length),
  };
  return { metrics, measured, published, about };
}

const created = { name: 'RoutesCreated', value: 2 } as const;

it('publishes metrics and events, and rejects none that the bus accepts', async () => {
  const { metrics, measured, published } = metersOf();
  const { bus, batches } = await busOf();
  expect(await announcer(bus, metrics, log).announce({ metrics: [created], events: events(25) })).toEqual([]);
  expect(batches.map(({ length }) => length)).toEqual([10, 10, 5]);
  expect(batches.flat()).toEqual(events(25).map(({ detail }) => detail.id));
  expect({ measured, published }).toEqual({ measured: [['RoutesCreated', 2]], published: [1] });
});

it('sends large events in calls of their own, and drops one that no call can take, which is counted', async () => {
  const { metrics, measured } = metersOf();
  const { bus, batches } = await busOf();
  const given = events(6, [1, 100, 100, 100, 300, 1]);
  expect(await announcer(bus, metrics, log).announce({ metrics: [], events: given })).toEqual([]);
  expect(batches).toEqual([
    ['event-0', 'event-1', 'event-2'],
    ['event-3', 'event-5'],
  ]);
  expect(measured).toEqual([['EventsDropped', 1]]);
});

it('returns the events that the bus rejects, counts them, logs why, and publishes the others', async () => {
  const { metrics, measured, published } = metersOf();
  const [first, third] = [accepted(10).with(3, rejected), accepted(5).with(0, rejected).with(4, rejected)];
  const { bus, batches } = await busOf(
    { body: { FailedEntryCount: 1, Entries: first } },
    {},
    { body: { FailedEntryCount: 2, Entries: third } },
  );
  const given = events(25);
  const left = await announcer(bus, metrics, log).announce({ metrics: [created], events: given }, routeTableId);
  expect(left).toEqual([given[3], given[20], given[24]]);
  expect(batches).toHaveLength(3);
  expect({ measured, published }).toEqual({
    measured: [
      ['RoutesCreated', 2],
      ['EventsNotTold', 3],
    ],
    published: [1, 2],
  });
  const fields = { routeTableId, code: rejected.ErrorCode, reason: rejected.ErrorMessage };
  expect(lines.map((line) => [line.level, line.fields])).toEqual([
    ['error', { ...fields, events: 1 }],
    ['error', { ...fields, events: 2 }],
  ]);
});

it.each<[string, Answer]>([
  ['is denied', { status: 400, body: { __type: 'AccessDeniedException', message: 'you may not' } }],
  ['meets a fault', { status: 500, body: { __type: 'InternalException' } }],
  ['is answered with nothing about its events', { body: {} }],
])('returns all events of a call that %s, logs that, and goes on with the next', async (_, answer) => {
  const { metrics, measured } = metersOf();
  const { bus, batches } = await busOf(answer);
  const given = events(12);
  expect(await announcer(bus, metrics, log).announce({ metrics: [], events: given })).toEqual(given.slice(0, 10));
  expect(batches).toHaveLength(2);
  expect(measured).toEqual([['EventsNotTold', 10]]);
  expect(lines).toMatchObject([{ level: 'error', fields: { events: 10 } }]);
});

it('publishes metrics, and returns every event, if EventBridge does not answer', async () => {
  const { metrics, measured } = metersOf();
  const { bus } = await busOf();
  server?.close();
  const given = events(12);
  expect(await announcer(bus, metrics, log).announce({ metrics: [created], events: given })).toEqual(given);
  expect(measured).toEqual([
    ['RoutesCreated', 2],
    ['EventsNotTold', 12],
  ]);
  expect(lines[0]?.fields).toMatchObject({ error: { code: 'ECONNREFUSED' } });
});

it('says for which table the metrics count', async () => {
  const { metrics, published, about } = metersOf();
  const { bus } = await busOf();
  await announcer(bus, metrics, log).announce({ metrics: [created], events: [] }, 'rtb-0c1b2c3d4e5f6071a');
  expect({ published, about }).toEqual({ published: [1], about: ['routeTableId rtb-0c1b2c3d4e5f6071a'] });
});

it('does nothing if there is no news', async () => {
  const { metrics, published } = metersOf();
  const { bus, batches } = await busOf();
  expect(await announcer(bus, metrics, log).announce({ metrics: [], events: [] })).toEqual([]);
  expect({ batches, published, lines }).toEqual({ batches: [], published: [], lines: [] });
});
