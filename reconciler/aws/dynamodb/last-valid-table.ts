import { DeleteCommand, type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import type { LastValidItems } from '../../ports.ts';
import { pack, unpack } from './pack.ts';

/**
 * The last valid items in the table of states, each one row beside the status. An item may be as large as a row, so it
 * is packed.
 */
export function lastValidItems(client: DynamoDBDocumentClient, tableName: string): LastValidItems {
  const at = (routeTableId: string) => ({ TableName: tableName, Key: { routeTableId, item: 'last-valid' } });

  return {
    async read(routeTableId) {
      const { Item } = await client.send(new GetCommand({ ...at(routeTableId), ConsistentRead: true }));
      return Item && versionIn(Item);
    },
    async write(routeTableId, { item, since }) {
      const row = { routeTableId, item: 'last-valid', since, version: pack(item) };
      await client.send(new PutCommand({ TableName: tableName, Item: row }));
    },
    async remove(routeTableId) {
      await client.send(new DeleteCommand(at(routeTableId)));
    },
  };
}

const rowShape = z.object({ since: z.iso.datetime(), version: z.unknown() });

function versionIn(row: Record<string, unknown>): { readonly item: unknown; readonly since: string } | undefined {
  try {
    const { since, version } = rowShape.parse(row);
    return { item: unpack(version), since };
  } catch {
    return undefined;
  }
}
