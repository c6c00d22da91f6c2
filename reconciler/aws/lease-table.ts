import { isDeepStrictEqual } from 'node:util';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import type { Trigger } from '../core/trigger.ts';
import type { Leases } from '../ports.ts';

/** A storm must not outgrow an item: beyond this many, the latest trigger takes the place of the one before. */
const triggersKept = 100;

/**
 * Leases in the table of states, each one item beside the status. Instants are ISO 8601 in UTC, so that they compare as
 * texts (and are no concern of the table's time to live, which reads numbers).
 */
export function tableLeases(client: DynamoDBDocumentClient, tableName: string): Leases {
  const at = (routeTableId: string) => ({ TableName: tableName, Key: { routeTableId, item: 'lease' } });

  return {
    async take(routeTableId, { holder, now, expiresAt, retakeBefore }) {
      try {
        const { Attributes } = await client.send(
          new UpdateCommand({
            ...at(routeTableId),
            UpdateExpression: 'SET holder = :holder, expiresAt = :expiresAt, takenAt = :now REMOVE dirty',
            ConditionExpression:
              'attribute_not_exists(holder) OR expiresAt <= :now OR (holder = :holder AND takenAt <= :retakeBefore)',
            ExpressionAttributeValues: {
              ':holder': holder,
              ':now': now.toISOString(),
              ':expiresAt': expiresAt.toISOString(),
              ':retakeBefore': retakeBefore.toISOString(),
            },
            ReturnValues: 'ALL_OLD',
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return { taken: true, left: triggersOf(Attributes) };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        const held = error.Item?.['expiresAt']?.S;
        return { taken: false, expiresAt: held === undefined ? expiresAt : new Date(held) };
      }
    },

    async leave(routeTableId, trigger, now) {
      const held = 'attribute_exists(holder) AND expiresAt > :now';
      const values = { ':now': now.toISOString(), ':most': triggersKept };
      const added = await unlessRefused(
        client.send(
          new UpdateCommand({
            ...at(routeTableId),
            UpdateExpression: 'SET dirty = list_append(if_not_exists(dirty, :none), :one)',
            ConditionExpression: `${held} AND (attribute_not_exists(dirty) OR size(dirty) < :most)`,
            ExpressionAttributeValues: { ...values, ':none': [], ':one': [trigger] },
            ReturnValues: 'UPDATED_NEW',
          }),
        ),
      );
      // A call that the SDK repeated, as its answer was lost, finds its own trigger there: it is the first all the same.
      if (added)
        return triggersOf(added.Attributes).every((left) => isDeepStrictEqual(left, trigger)) ? 'first' : 'more';
      const replaced = await unlessRefused(
        client.send(
          new UpdateCommand({
            ...at(routeTableId),
            UpdateExpression: `SET dirty[${triggersKept - 1}] = :trigger`,
            ConditionExpression: `${held} AND size(dirty) >= :most`,
            ExpressionAttributeValues: { ...values, ':trigger': trigger },
          }),
        ),
      );
      return replaced ? 'more' : 'free';
    },

    async release(routeTableId, { holder, now, expiresAt }) {
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
            UpdateExpression: 'SET expiresAt = :expiresAt, takenAt = :now REMOVE dirty',
            ConditionExpression: 'holder = :holder',
            ExpressionAttributeValues: {
              ':holder': holder,
              ':now': now.toISOString(),
              ':expiresAt': expiresAt.toISOString(),
            },
            ReturnValues: 'ALL_OLD',
          }),
        ),
      );
      // Refused again: it had expired, and is another's by now.
      return renewed ? { released: false, left: triggersOf(renewed.Attributes) } : { released: true };
    },

    async drop(routeTableId, holder) {
      const ended = await unlessRefused(
        client.send(
          new DeleteCommand({
            ...at(routeTableId),
            ConditionExpression: 'holder = :holder',
            ExpressionAttributeValues: { ':holder': holder },
            ReturnValues: 'ALL_OLD',
          }),
        ),
      );
      return triggersOf(ended?.Attributes);
    },
  };
}

/** What a conditional write answered, or undefined when its condition did not hold. */
async function unlessRefused<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return undefined;
    throw error;
  }
}

const leaseShape = z.object({ dirty: z.array(z.custom<Trigger>((value) => typeof value === 'object')) });

const triggersOf = (item: unknown): readonly Trigger[] => leaseShape.safeParse(item).data?.dirty ?? [];
