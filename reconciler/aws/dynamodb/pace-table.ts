import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type Step, advance } from '../../core/plan/pace.ts';
import type { PaceRows } from '../../ports.ts';

/** Between two writes of ours, another function can start a row anew. After this many tries, something is wrong. */
const triesAtMost = 5;

/**
 * The rows of the pace, in the table of states. Each has one number, `tat`. A row in use is advanced with one write. A row
 * that is absent, long unused or invalid takes two.
 */
export function paceRows(client: DynamoDBDocumentClient, tableName: string): PaceRows {
  /** Writes a row if a condition holds. Otherwise returns the number that the row has. */
  const write = async (
    row: string,
    update: { readonly set: string; readonly condition: string; readonly values: Readonly<Record<string, number>> },
  ): Promise<
    { readonly isWritten: true; readonly before: number } | { readonly isWritten: false; readonly now: number }
  > => {
    try {
      const { Attributes } = await client.send(
        new UpdateCommand({
          TableName: tableName,
          Key: { routeTableId: '*', item: `pace#${row}` },
          UpdateExpression: `SET tat = ${update.set}`,
          ConditionExpression: update.condition,
          ExpressionAttributeValues: update.values,
          ReturnValues: 'UPDATED_OLD',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      return { isWritten: true, before: Number(Attributes?.['tat']) };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return { isWritten: false, now: Number(error.Item?.['tat']?.N ?? Number.NaN) };
    }
  };

  /** Advances a row that is in use. A comparison with another type is false. */
  const goOn = (row: string, { floor, latest, byMs }: Step): ReturnType<typeof write> =>
    write(row, {
      set: 'tat + :by',
      condition: 'tat BETWEEN :floor AND :latest',
      values: { ':by': byMs, ':floor': floor, ':latest': latest },
    });

  const startAnew = (row: string, { floor, limit, byMs }: Step): ReturnType<typeof write> =>
    write(row, {
      set: ':next',
      condition: 'attribute_not_exists(tat) OR NOT (tat BETWEEN :floor AND :limit)',
      values: { ':next': floor + byMs, ':floor': floor, ':limit': limit },
    });

  return {
    async advance(row, step) {
      for (let tries = 1; tries <= triesAtMost; tries++) {
        const used = await goOn(row, step);
        if (used.isWritten) return { isGiven: true, from: used.before };
        const answer = advance(used.now, step);
        if (!answer.isGiven) return answer;
        const anew = await startAnew(row, step);
        if (anew.isWritten) return { isGiven: true, from: step.floor };
      }
      throw new Error(`other functions started the row ${row} of the pace anew ${triesAtMost} times meanwhile`);
    },
  };
}
