import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { otherOwnerId, ownerId } from '../support/builders.ts';
import { page, serveEc2 } from '../support/ec2-server.ts';
import { contextOf } from '../support/lambda.ts';

const settings = {
  ACCOUNT_ID: '111122223333',
  EVENT_SOURCES: 'aws.ec2',
  SWEEP_EVERY_MINUTES: '5',
  HISTORY_DAYS: '90',
  DESIRED_TABLE: 'DesiredRouteTables',
  ORDERS_TABLE: 'Orders',
  STATE_TABLE: 'RouteTableStates',
  REQUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/111122223333/requeue',
  AWS_REGION: 'eu-west-1',
};

/** The module, loaded again as in a cold start. */
const coldStart = async () => {
  vi.resetModules();
  return import('../../lambdas/runtime.ts');
};

beforeEach(() => {
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

describe('the runtime of the functions', () => {
  it('is made once per cold start', async () => {
    const { runtime } = await coldStart();
    expect(runtime()).toBe(runtime());
    expect(runtime().accountId).toBe('111122223333');
  });

  it.each(['ACCOUNT_ID', 'EVENT_SOURCES', 'DESIRED_TABLE', 'ORDERS_TABLE', 'STATE_TABLE', 'REQUEUE_URL'])(
    'says so when %s is not set',
    async (name) => {
      vi.stubEnv(name, '');
      const { runtime } = await coldStart();
      expect(() => runtime()).toThrow(`the environment variable ${name} is not set`);
    },
  );

  it('of other functions than the sweep starts without ids of mappings, and the sweep does not', async () => {
    const { mappings, runtime } = await coldStart();
    expect(() => runtime()).not.toThrow();
    expect(() => mappings()).toThrow('the environment variable MAPPING_IDS is not set');
  });

  it('reads only route tables of its own account', async () => {
    const [ours, shared] = ['rtb-aaaaaaaa', 'rtb-bbbbbbbb'] as const;
    await using server = await serveEc2(
      page([
        [ours, ownerId],
        [shared, otherOwnerId],
      ]),
    );
    vi.stubEnv('AWS_ENDPOINT_URL_EC2', server.endpoint);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'x');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'x');
    const { runtime } = await coldStart();
    const { tables } = runtime().world;
    expect(await tables.read(ours)).toMatchObject({ routeTableId: ours });
    expect(await tables.read(shared)).toMatchObject({ isForeign: true });
  });

  it.each([
    ['true', { mode: 'observe' }],
    ['false', { mode: 'enforce' }],
  ])('reads every item in mode observe only if OBSERVE_ONLY is true: %s', async (observeOnly, mode) => {
    const item = { routeTableId: { S: 'rtb-aaaaaaaa' }, mode: { S: 'enforce' } };
    const answer = { Responses: { DesiredRouteTables: [item], Orders: [], RouteTableStates: [] } };
    const server = createServer((_, response) => response.end(JSON.stringify(answer))).listen(0);
    await once(server, 'listening');
    try {
      const { port } = z.object({ port: z.number() }).parse(server.address());
      vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', `http://127.0.0.1:${port}`);
      vi.stubEnv('AWS_ACCESS_KEY_ID', 'x');
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'x');
      vi.stubEnv('OBSERVE_ONLY', observeOnly);
      const { runtime } = await coldStart();
      expect(await runtime().world.checkpoint('rtb-aaaaaaaa')).toMatchObject({ item: mode });
    } finally {
      server.close();
    }
  });

  it('keeps the last ten seconds of an invocation for writing the outcome', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-11-23T12:00:00Z') });
    const { invocationOf } = await coldStart();
    expect(invocationOf(contextOf('request-7', 60_000))).toEqual({
      requestId: 'request-7',
      until: new Date('2026-11-23T12:00:50Z'),
    });
  });
});
