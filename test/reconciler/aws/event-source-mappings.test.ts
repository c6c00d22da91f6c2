import { type Server, createServer } from 'node:http';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, expect, it } from 'vitest';
import { eventSourceMappings } from '../../../reconciler/aws/event-source-mappings.ts';

let server: Server | undefined;
afterEach(() => server?.close());

/** A Lambda whose mappings have these states. It knows no other mapping. */
async function lambdaOf(states: Readonly<Record<string, string>>): Promise<LambdaClient> {
  const listening = createServer((request, response) => {
    const id = request.url?.split('/').at(-1) ?? '';
    const State = states[id];
    const answer = (status: number, body: object, type?: string): void => {
      response.writeHead(status, { 'Content-Type': 'application/json', ...(type && { 'x-amzn-ErrorType': type }) });
      response.end(JSON.stringify(body));
    };
    if (State === undefined) answer(404, { Message: 'not found' }, 'ResourceNotFoundException');
    else if (State === 'denied') answer(403, { Message: 'not allowed' }, 'AccessDeniedException');
    else answer(200, { UUID: id, State });
  });
  server = listening;
  await new Promise<void>((listen) => listening.listen(0, '127.0.0.1', listen));
  const address = listening.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return new LambdaClient({
    region: 'eu-west-1',
    endpoint: `http://127.0.0.1:${address.port}`,
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
}

it.each(['Creating', 'Enabling', 'Enabled', 'Updating'])('a mapping that is %s counts as enabled', async (state) => {
  expect(await eventSourceMappings(await lambdaOf({ edits: state }), ['edits']).disabled()).toEqual([]);
});

it.each(['Disabling', 'Disabled', 'Deleting'])('a mapping that is %s counts as disabled', async (state) => {
  const lambda = await lambdaOf({ edits: 'Enabled', orders: state });
  expect(await eventSourceMappings(lambda, ['edits', 'orders']).disabled()).toEqual(['orders']);
});

it('a mapping that is gone counts as disabled', async () => {
  const lambda = await lambdaOf({ edits: 'Enabled' });
  expect(await eventSourceMappings(lambda, ['edits', 'orders']).disabled()).toEqual(['orders']);
});

it('a mapping that may not be read never counts as enabled', async () => {
  const lambda = await lambdaOf({ edits: 'Enabled', orders: 'denied' });
  await expect(eventSourceMappings(lambda, ['edits', 'orders']).disabled()).rejects.toThrow('not allowed');
});
