import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import { type Left, triggerKinds } from '../../core/memory/trigger.ts';
import type { Leases } from '../../ports.ts';

/**
 * Leases in the table of states, each one item beside the status. Instants are ISO 8601 in UTC: they compare as
 * strings, and the table's time to live ignores them, because it reads only numbers. Triggers left with a holder are
 * three sets, `dirty` (their kinds), `deletions` (ids) and `hops` (numbers). So even a storm of events does not outgrow
 * the item.
 */
export function tableLeases(client: DynamoDBDocumentClient, tableName: string): Leases {
  const at = (routeTableId: string) => ({ TableName: tableName, Key: { routeTableId, item: 'lease' } });

  return {
    async take(routeTableId, { holder, now, expiresAt, latestEnd, retakeBefore }) {
      try {
        const { Attributes } = await client.send(
          new UpdateCommand({
            ...at(routeTableId),
            UpdateExpression:
              'SET holder = :holder, expiresAt = :expiresAt, takenAt = :now REMOVE dirty, hops, firstBy',
            // A comparison with an end of another type is false, so such a lease is free.
            ConditionExpression:
              'attribute_not_exists(holder) OR NOT (expiresAt > :now AND expiresAt <= :latestEnd) OR (holder = :holder AND takenAt <= :retakeBefore)',
            ExpressionAttributeValues: {
              ':holder': holder,
              ':now': now.toISOString(),
              ':expiresAt': expiresAt.toISOString(),
              ':latestEnd': latestEnd.toISOString(),
              ':retakeBefore': retakeBefore.toISOString(),
            },
            ReturnValues: 'ALL_OLD',
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        const end: unknown = Attributes?.['expiresAt'];
        const isPossible = typeof end === 'string' && end <= latestEnd.toISOString();
        const wasInvalid = Attributes?.['holder'] !== undefined && !isPossible;
        return { taken: true, left: leftIn(Attributes), ...(wasInvalid && { wasInvalid }) };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        const end = Date.parse(error.Item?.['expiresAt']?.S ?? '');
        return { taken: false, expiresAt: Number.isNaN(end) ? expiresAt : new Date(end) };
      }
    },

    async leave(routeTableId, { kinds, deletions, hop }, by, now) {
      const left = await unlessRefused(
        client.send(
          new UpdateCommand({
            ...at(routeTableId),
            // If the answer is lost and the SDK repeats the call, `firstBy` shows that this holder was the first.
            UpdateExpression: `SET firstBy = if_not_exists(firstBy, :by) ADD dirty :kinds, hops :hops${
              deletions.length > 0 ? ', deletions :deletions' : ''
            }`,
            ConditionExpression: 'attribute_exists(holder) AND expiresAt > :now',
            ExpressionAttributeValues: {
              ':now': now.toISOString(),
              ':by': by,
              ':kinds': new Set(kinds),
              ':hops': new Set([hop]),
              ...(deletions.length > 0 && { ':deletions': new Set(deletions) }),
            },
            ReturnValues: 'ALL_NEW',
          }),
        ),
      );
      if (!left) return 'free';
      return left.Attributes?.['firstBy'] === by ? 'first' : 'more';
    },

    async release(routeTableId, { holder, now, expiresAt }, answered) {
      const ended = await unlessRefused(
        client.send(
          new DeleteCommand({
            ...at(routeTableId),
            ConditionExpression: 'holder = :holder AND attribute_not_exists(dirty)',
            ExpressionAttributeValues: { ':holder': holder },
          }),
        ),
      );
      if (ended) return { released: true };
      const renewed = await unlessRefused(
        client.send(
          new UpdateCommand({
            ...at(routeTableId),
            UpdateExpression: `SET expiresAt = :expiresAt, takenAt = :now REMOVE dirty, hops, firstBy ${without(answered)}`,
            ConditionExpression: 'holder = :holder',
            ExpressionAttributeValues: {
              ...valuesOf(answered),
              ':holder': holder,
              ':now': now.toISOString(),
              ':expiresAt': expiresAt.toISOString(),
            },
            ReturnValues: 'ALL_OLD',
          }),
        ),
      );
      // Refused again: the lease expired, and another invocation holds it now.
      return renewed ? { released: false, left: leftIn(renewed.Attributes, answered) } : { released: true };
    },

    async drop(routeTableId, holder, answered) {
      const ended = await unlessRefused(
        client.send(
          new UpdateCommand({
            ...at(routeTableId),
            UpdateExpression: `REMOVE holder, expiresAt, takenAt, dirty, hops, firstBy ${without(answered)}`,
            ConditionExpression: 'holder = :holder',
            ExpressionAttributeValues: { ...valuesOf(answered), ':holder': holder },
            ReturnValues: 'ALL_OLD',
          }),
        ),
      );
      return leftIn(ended?.Attributes, answered);
    },
  };
}

/** The answer to a conditional write, or undefined if its condition did not hold. */
async function unlessRefused<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}

const texts = z.set(z.string()).catch(new Set<string>());

const numbers = z.set(z.int()).catch(new Set<number>());

const leaseShape = z.object({ dirty: texts, deletions: texts, hops: numbers });

function leftIn(item: Record<string, unknown> = {}, answered: readonly string[] = []): Left {
  const { dirty, deletions, hops } = leaseShape.parse(item);
  return {
    kinds: triggerKinds.filter((kind) => dirty.has(kind)),
    deletions: [...deletions].filter((id) => !answered.includes(id)).sort(),
    hop: Math.max(0, ...hops),
  };
}

/** The clause that removes answered deletions. DynamoDB has no empty sets. */
const without = (answered: readonly string[]): string => (answered.length > 0 ? 'DELETE deletions :answered' : '');
const valuesOf = (answered: readonly string[]): Record<string, unknown> =>
  answered.length > 0 ? { ':answered': new Set(answered) } : {};
