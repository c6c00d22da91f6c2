import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { desiredItemSchema } from '../../core/desired/schema.ts';

/** Writes desired items for people. The functions must not: they can only read them. */
export interface DesiredWriter {
  /**
   * Writes an item, if the stored one is still this version. Undefined: if there is none.
   *
   * @returns whether it was written
   */
  put(item: Readonly<Record<string, unknown>>, before: unknown): Promise<boolean>;
  /** Deletes an item, if it is still this version. @returns whether it was deleted */
  remove(routeTableId: string, before: unknown): Promise<boolean>;
}

export function desiredWriter(client: DynamoDBDocumentClient, tableName: string): DesiredWriter {
  const ifStill = async (send: () => Promise<unknown>): Promise<boolean> => {
    try {
      await send();
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  };
  return {
    put: (item, before) =>
      ifStill(() => client.send(new PutCommand({ TableName: tableName, Item: item, ...unchanged(before) }))),
    remove: (routeTableId, before) =>
      ifStill(() =>
        client.send(new DeleteCommand({ TableName: tableName, Key: { routeTableId }, ...unchanged(before) })),
      ),
  };
}

/**
 * The condition that an item is still the version that was read. Items have no version number: anybody may write them
 * with any tool. So every field is compared, and every known field that it did not have must still be absent.
 */
function unchanged(before: unknown): Pick<ConstructorParameters<typeof PutCommand>[0], 'ConditionExpression'> {
  if (typeof before !== 'object' || before === null)
    return { ConditionExpression: 'attribute_not_exists(routeTableId)' };
  const fields = Object.entries(before).filter(([name]) => name !== 'routeTableId');
  const has = new Set(fields.map(([name]) => name));
  const absent = Object.keys(desiredItemSchema.shape).filter((name) => name !== 'routeTableId' && !has.has(name));
  const names = [...has, ...absent];
  const condition = {
    ConditionExpression: [
      'attribute_exists(routeTableId)',
      ...fields.map((_, index) => `#f${index} = :f${index}`),
      ...absent.map((_, index) => `attribute_not_exists(#f${fields.length + index})`),
    ].join(' AND '),
    ExpressionAttributeNames: Object.fromEntries(names.map((name, index) => [`#f${index}`, name])),
    ...(fields.length > 0 && {
      ExpressionAttributeValues: Object.fromEntries(fields.map(([, value], index) => [`:f${index}`, value])),
    }),
  };
  return condition;
}
