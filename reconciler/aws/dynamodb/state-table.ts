import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
  paginateQuery,
} from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import type { Run } from '../../core/announce/history.ts';
import { known } from '../../core/route/known.ts';
import type { FleetOrders } from '../../core/announce/news.ts';
import type { SweepRecord } from '../../core/status/sweep-record.ts';
import type { Glance, StoredState, TableStates } from '../../ports.ts';
import { batchGet } from './batch-get.ts';
import { glanceOf, orderShape, packNews, rowOf, stateOf, unsentEventShape } from './state-row.ts';

/** The keys of the items about the whole fleet. */
const sweepKey = { routeTableId: '*', item: 'sweep' };
const fleetOrdersKey = { routeTableId: '*', item: 'orders' };
const brakeKey = { routeTableId: '*', item: 'brake' };

/**
 * The table of states. The status and the history of a route table are stored together, under its id.
 *
 * @param options.historyDays how many days a run is kept after it was detected
 */
export function tableStates(
  client: DynamoDBDocumentClient,
  tableName: string,
  { historyDays = 90, now = () => new Date() }: { readonly historyDays?: number; readonly now?: () => Date } = {},
): TableStates {
  const put = async (item: Record<string, unknown>): Promise<void> => {
    await client.send(new PutCommand({ TableName: tableName, Item: item }));
  };

  /** Puts an item if the stored one has this revision or, if that is undefined, if there is none. */
  const putIf = async (item: Record<string, unknown>, before: number | undefined): Promise<boolean> => {
    try {
      await client.send(
        new PutCommand({
          TableName: tableName,
          Item: item,
          ...(before === undefined
            ? { ConditionExpression: 'attribute_not_exists(routeTableId)' }
            : { ConditionExpression: 'revision = :before', ExpressionAttributeValues: { ':before': before } }),
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  };

  const get = async (key: Record<string, string>): Promise<Record<string, unknown> | undefined> => {
    const { Item } = await client.send(new GetCommand({ TableName: tableName, Key: key, ConsistentRead: true }));
    return Item;
  };

  async function readFleetOrders(): Promise<FleetOrders | undefined> {
    const item = await get(fleetOrdersKey);
    return item && fleetOrdersShape.safeParse(item).data;
  }

  async function glance(routeTableIds: readonly string[]): Promise<ReadonlyMap<string, Glance>> {
    const glances = new Map<string, Glance>();
    const keys = routeTableIds.map((routeTableId) => ({ routeTableId, item: 'status' }));
    for await (const row of batchGet(client, tableName, keys)) {
      const found = glanceOf(row, now());
      if (found) glances.set(found.status.routeTableId, found);
    }
    return glances;
  }

  /**
   * Replaces a state that cannot be read. Keeps the old row as `unreadable-status`, so that a person can examine it.
   */
  async function writeOverUnreadable(state: StoredState): Promise<boolean> {
    const found = await get({ routeTableId: state.status.routeTableId, item: 'status' });
    if (!found || stateOf(found, now())) return false;
    await put({ ...found, item: 'unreadable-status' });
    await put(rowOf(state));
    return true;
  }

  /** Updates a state, unless a later one was written, with values of its own. */
  async function update(
    routeTableId: string,
    revision: number,
    expression: string,
    values: Record<string, unknown> = {},
  ): Promise<void> {
    try {
      await client.send(
        new UpdateCommand({
          TableName: tableName,
          Key: { routeTableId, item: 'status' },
          UpdateExpression: expression,
          ConditionExpression: 'revision = :revision',
          ExpressionAttributeValues: { ':revision': revision, ...values },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }

  return {
    async read(routeTableId) {
      const row = await get({ routeTableId, item: 'status' });
      const state = row && stateOf(row, now());
      if (state) return { state };
      return row ? { isLost: true } : {};
    },
    glance,
    async write(state) {
      try {
        await client.send(
          new PutCommand({
            TableName: tableName,
            Item: rowOf(state),
            ConditionExpression: 'attribute_not_exists(routeTableId) OR revision = :before',
            ExpressionAttributeValues: { ':before': state.revision - 1 },
          }),
        );
        return true;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        return state.revision === 1 && writeOverUnreadable(state);
      }
    },
    writeUnsent: (routeTableId, revision, unsent) =>
      unsent
        ? update(routeTableId, revision, 'SET unsent = :unsent', { ':unsent': packNews(unsent) })
        : update(routeTableId, revision, 'REMOVE unsent'),
    unsee: (routeTableId, revision) => update(routeTableId, revision, 'REMOVE seen'),
    recordRun: ({ id, ...run }: Run) =>
      put({
        ...run,
        item: `run#${id}`,
        expiresAt: Math.floor(Date.parse(run.detectedAt) / 1_000) + historyDays * 24 * 60 * 60,
      }),
    async readRun(routeTableId, id) {
      const item = await get({ routeTableId, item: `run#${id}` });
      return item && runOf(id, item);
    },
    async runsSince(routeTableId, since) {
      const pages = paginateQuery(
        { client },
        {
          TableName: tableName,
          KeyConditionExpression: 'routeTableId = :id AND #item BETWEEN :since AND :end',
          ExpressionAttributeNames: { '#item': 'item' },
          // `~` sorts after every digit, so after every time, and after the `#` that follows the time in an id.
          ExpressionAttributeValues: { ':id': routeTableId, ':since': `run#${since}~`, ':end': 'run#~' },
          ConsistentRead: true,
        },
      );
      const runs: Run[] = [];
      for await (const { Items = [] } of pages)
        runs.push(...Items.flatMap((item) => runOf(String(item['item']).slice('run#'.length), item) ?? []));
      return runs;
    },
    async readSweep() {
      const item = await get(sweepKey);
      return item && sweepOf(item);
    },
    writeSweep: (sweep) => put({ ...sweep, ...sweepKey }),
    readFleetOrders,
    async writeFleetOrders(announced, before) {
      const item = { ...announced, ...fleetOrdersKey };
      if (await putIf(item, before)) return true;
      // A row that cannot be read is overwritten.
      if (before !== undefined || (await readFleetOrders())) return false;
      await put(item);
      return true;
    },
    async readBrake() {
      const item = await get(brakeKey);
      if (!item) return undefined;
      const row = brakeShape.safeParse(item);
      if (!row.success)
        throw new Error('the row * brake is malformed, and edits wait: delete it, and the count begins anew');
      return known(row.data);
    },
    writeBrake: (row, before) => putIf({ ...row, ...brakeKey }, before),
  };
}

const waitingEdit = z.object({ id: z.string(), at: z.iso.datetime() });

const brakeShape = z.object({
  revision: z.number(),
  places: z.record(z.string(), z.iso.datetime()),
  edit: waitingEdit.optional(),
  unannounced: z.array(waitingEdit),
});

const runShape = z.looseObject({
  routeTableId: z.string(),
  id: z.string(),
  detectedAt: z.string(),
  plan: z.looseObject({ changes: z.array(z.unknown()) }),
  outcome: z.array(z.looseObject({ destination: z.string() })),
});

const isRun = (value: unknown): value is Run => runShape.safeParse(value).success;

export function runOf(id: string, { item: _, expiresAt: __, ...rest }: Record<string, unknown>): Run | undefined {
  const run = { ...rest, id };
  return isRun(run) ? run : undefined;
}

/** If it cannot be read, every order in force is announced again. */
const fleetOrdersShape = z.object({
  revision: z.number(),
  orders: z.array(orderShape),
  unsent: z.array(unsentEventShape),
});

const unread = z.looseObject({
  count: z.number(),
  first: z.array(z.looseObject({ routeTableId: z.string(), reason: z.string() })),
});

const held = z.looseObject({ count: z.number(), first: z.array(z.string()) });

/** The record that the next part of a sweep continues from. If it cannot be read, the sweep starts over. */
const sweepShape = z.looseObject({
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  checked: z.number(),
  outOfSync: z.number(),
  observed: z.number().optional(),
  blackholes: z.number().optional(),
  waiting: z.number().optional(),
  stopped: z.number().optional(),
  mappingsDisabled: z.number().optional(),
  missing: z.number().optional(),
  unknown: unread,
  held: held.optional(),
  unusable: unread.optional(),
  cursor: z.string().optional(),
  everyMs: z.number().optional(),
  lastCompleted: z
    .looseObject({
      startedAt: z.iso.datetime(),
      endedAt: z.iso.datetime(),
      unknown: unread,
      held: held.optional(),
      unusable: unread.optional(),
      items: z.number(),
    })
    .optional(),
});

const isSweep = (value: unknown): value is SweepRecord => sweepShape.safeParse(value).success;

const sweepOf = ({ item: _, routeTableId: __, ...sweep }: Record<string, unknown>): SweepRecord | undefined =>
  isSweep(sweep) ? sweep : undefined;
