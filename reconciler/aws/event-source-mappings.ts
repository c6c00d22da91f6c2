import { GetEventSourceMappingCommand, type LambdaClient, ResourceNotFoundException } from '@aws-sdk/client-lambda';
import type { EventSourceMappings } from '../ports.ts';

/** A sweep must not wait longer for an answer about its surroundings. */
const answerWithinMs = 5_000;

/** In these states Lambda invokes the function no more, or is about to stop. */
const idle: ReadonlySet<string | undefined> = new Set(['Disabling', 'Disabled', 'Deleting']);

export const eventSourceMappings = (client: LambdaClient, ids: readonly string[]): EventSourceMappings => ({
  async disabled() {
    const asked = await Promise.all(ids.map(async (id) => ({ id, isIdle: await isIdle(client, id) })));
    return asked.filter((mapping) => mapping.isIdle).map(({ id }) => id);
  },
});

async function isIdle(client: LambdaClient, UUID: string): Promise<boolean> {
  const abortSignal = AbortSignal.timeout(answerWithinMs);
  try {
    const { State } = await client.send(new GetEventSourceMappingCommand({ UUID }), { abortSignal });
    return idle.has(State);
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return true;
    throw error;
  }
}
