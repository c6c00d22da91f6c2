import { type Server, createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { announcer } from '../../../reconciler/aws/announcer.ts';
import type { DomainEvent } from '../../../reconciler/core/announce/domain-event.ts';
import { now, routeTableId } from '../../support/builders.ts';

const event: DomainEvent = {
  type: 'Route Drift Healed',
  detail: {
    routeTableId,
    phase: 'InSync',
    reason: 'every route is as desired',
    at: now.toISOString(),
    trigger: { kind: 'sweep' },
    changes: [],
    since: now.toISOString(),
  },
};
const events = (count: number) => Array.from({ length: count }, () => event);

let server: Server | undefined;
afterEach(() => server?.close());

const putEvents = z.object({ Entries: z.array(z.object({ Source: z.literal('route-reconciler') })) });

/** A bus that gives these answers, one per batch, and then accepts everything. It records the size of every batch. */
async function busOf(...answers: readonly { readonly status?: number; readonly body?: object }[]) {
  const batches: number[] = [];
  const listening = createServer((request, response) => {
    json(request)
      .then((body) => {
        const { status = 200, body: answer = { FailedEntryCount: 0, Entries: [] } } = answers[batches.length] ?? {};
        batches.push(putEvents.parse(body).Entries.length);
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
  const metrics = {
    addMetric: (name: string, _: unknown, value: number) => void measured.push([name, value]),
    publishStoredMetrics: () => undefined,
  };
  return { metrics, measured };
}

it('counts the events that the bus rejects, and publishes the others', async () => {
  const { metrics, measured } = metersOf();
  const { bus, batches } = await busOf(
    { status: 400, body: { __type: 'AccessDeniedException', message: 'you may not' } },
    { body: { FailedEntryCount: 1, Entries: [{ ErrorCode: 'InternalFailure', ErrorMessage: 'try again' }] } },
  );
  const announcing = announcer(bus, metrics).announce({ metrics: [], events: events(25) });
  await expect(announcing).rejects.toThrow('EventBridge rejected 11 of 25 events: AccessDeniedException: you may not');
  expect(batches).toEqual([10, 10, 5]);
  expect(measured).toEqual([['EventsNotTold', 11]]);
});

it('publishes only the given metrics when the bus accepts every event', async () => {
  const { metrics, measured } = metersOf();
  const { bus } = await busOf();
  await announcer(bus, metrics).announce({ metrics: [{ name: 'RoutesCreated', value: 2 }], events: events(1) });
  expect(measured).toEqual([['RoutesCreated', 2]]);
});
