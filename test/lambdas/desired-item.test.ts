import { once } from 'node:events';
import { createServer } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { handler } from '../../lambdas/desired-item.ts';
import { routeTableId } from '../support/builders.ts';

const rows = vi.hoisted(() => new Map<string, unknown>());

vi.mock(import('../../lambdas/runtime.ts'), async (original) => ({
  ...(await original()),
  deployedItems: () => ({
    read: async (id) => rows.get(id),
    put: async (item, before) =>
      isDeepStrictEqual(rows.get(item.routeTableId), before) && !!rows.set(item.routeTableId, item),
    remove: async (id, before) => isDeepStrictEqual(rows.get(id), before) && rows.delete(id),
  }),
}));

const item = (target: string, id = routeTableId) => ({
  routeTableId: id,
  routes: [{ destination: '0.0.0.0/0', target }],
});
const [first, second, others] = [item('igw-aaaaaaaa'), item('igw-bbbbbbbb'), item('nat-cccccccc')];

/** Calls the function as CloudFormation does, and returns what CloudFormation gets. */
async function ask(
  RequestType: string,
  wanted: unknown,
  { old, physicalId }: { old?: unknown; physicalId?: string } = {},
) {
  let answer: unknown;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part) => (body += part));
    request.on('end', () => {
      answer = { type: request.headers['content-type'], body: JSON.parse(body) };
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = z.object({ port: z.number() }).parse(server.address());
  try {
    await handler({
      RequestType,
      ResponseURL: `http://127.0.0.1:${port}/answer`,
      StackId: 'stack',
      RequestId: 'request',
      LogicalResourceId: 'Public',
      ResourceType: 'Custom::DesiredRouteTable',
      ...(physicalId !== undefined && { PhysicalResourceId: physicalId }),
      ResourceProperties: { ServiceToken: 'arn', Item: JSON.stringify(wanted) },
      ...(old !== undefined && { OldResourceProperties: { Item: JSON.stringify(old) } }),
    });
  } finally {
    server.close();
  }
  const answered = z.object({ Status: z.string(), PhysicalResourceId: z.string(), Reason: z.string().optional() });
  // The signature of the URL is for an empty type.
  return z.object({ type: z.literal(''), body: answered.loose() }).parse(answer).body;
}

const update = (from: { routeTableId: string }, to: unknown) =>
  ask('Update', to, { old: from, physicalId: from.routeTableId });
const done = {
  Status: 'SUCCESS',
  PhysicalResourceId: routeTableId,
  StackId: 'stack',
  RequestId: 'request',
  LogicalResourceId: 'Public',
};

beforeEach(() => rows.clear());

describe('the item of a DesiredRouteTable', () => {
  it('is written, changed and deleted', async () => {
    expect(await ask('Create', first)).toEqual(done);
    expect(rows.get(routeTableId)).toEqual(first);
    expect(await update(first, second)).toEqual(done);
    expect(rows.get(routeTableId)).toEqual(second);
    expect(await ask('Delete', second, { physicalId: routeTableId })).toEqual(done);
    expect(rows.size).toBe(0);
  });

  it('is the same after a call that Lambda or CloudFormation repeats', async () => {
    await ask('Create', first);
    expect(await ask('Create', first)).toEqual(done);
    await update(first, second);
    expect(await update(first, second)).toEqual(done);
    expect(rows.get(routeTableId)).toEqual(second);
    await ask('Delete', second, { physicalId: routeTableId });
    expect(await ask('Delete', second, { physicalId: routeTableId })).toEqual(done);
  });

  it.each([
    ['it already has another item', () => ask('Create', first)],
    ['somebody edited its item', () => update(first, second)],
  ])('never overwrites what others wrote: %s', async (reason, deploy) => {
    rows.set(routeTableId, others);
    const { Status, Reason } = await deploy();
    expect({ Status, Reason }).toEqual({
      Status: 'FAILED',
      Reason: expect.stringContaining(`${routeTableId}: ${reason}`),
    });
    expect(rows.get(routeTableId)).toEqual(others);
  });

  it('is not written again when somebody deleted it: the table is managed no longer', async () => {
    expect(await update(first, second)).toMatchObject({
      Status: 'FAILED',
      Reason: expect.stringContaining('somebody deleted its item'),
    });
    expect(rows.size).toBe(0);
  });

  it('stays when it is deleted after others edited it, also after a creation that failed because of them', async () => {
    rows.set(routeTableId, others);
    await ask('Create', first);
    expect(await ask('Delete', first, { physicalId: routeTableId })).toEqual(done);
    expect(rows.get(routeTableId)).toEqual(others);
  });

  it('goes back to its old version when the update of the stack fails elsewhere, or failed because of others', async () => {
    rows.set(routeTableId, first);
    await update(first, second);
    expect(await update(second, first)).toEqual(done);
    expect(rows.get(routeTableId)).toEqual(first);
    // The update to `second` has failed, because others deleted and wrote the item: the way back finds what it wants.
    expect(await update(second, first)).toEqual(done);
  });

  it('moves to another route table: the new id makes CloudFormation delete the old item', async () => {
    const other = item('igw-aaaaaaaa', 'rtb-bbbbbbbb');
    rows.set(routeTableId, first);
    expect(await update(first, other)).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'rtb-bbbbbbbb' });
    // Even if CloudFormation sent the new item with the old id, the new item would stay.
    await ask('Delete', other, { physicalId: routeTableId });
    expect([...rows.keys()]).toEqual([routeTableId, 'rtb-bbbbbbbb']);
    await ask('Delete', first, { physicalId: routeTableId });
    expect([...rows.keys()]).toEqual(['rtb-bbbbbbbb']);
  });

  it('is refused with every problem if it is invalid with the values of the deployment', async () => {
    const { Status, Reason } = await ask('Create', {
      routeTableId,
      routes: [{ destination: '10.0.0.0', target: 'nat' }],
    });
    expect({ Status, Reason }).toEqual({
      Status: 'FAILED',
      Reason: expect.stringMatching(/routes\[0\]\.destination.*\n.*routes\[0\]\.target/),
    });
    expect(rows.size).toBe(0);
  });
});
