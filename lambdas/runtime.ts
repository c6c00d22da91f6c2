import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import type { Context } from 'aws-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';
import { announcer } from '../reconciler/aws/announcer.ts';
import { checkpoint } from '../reconciler/aws/dynamodb/checkpoint.ts';
import { documentClient } from '../reconciler/aws/dynamodb/document-client.ts';
import { tableEvidence } from '../reconciler/aws/dynamodb/evidence-table.ts';
import { desiredItems, readItem } from '../reconciler/aws/dynamodb/desired-table.ts';
import { desiredWriter } from '../reconciler/aws/dynamodb/desired-writer.ts';
import { ec2RouteTables } from '../reconciler/aws/ec2/route-tables.ts';
import { ec2TargetHealth } from '../reconciler/aws/ec2/target-health.ts';
import { tableLeases } from '../reconciler/aws/dynamodb/lease-table.ts';
import { tableOrders } from '../reconciler/aws/dynamodb/orders-table.ts';
import { eventSourceMappings } from '../reconciler/aws/event-source-mappings.ts';
import { requeueQueue } from '../reconciler/aws/requeue-queue.ts';
import { type FleetReader, fleetReader } from '../reconciler/aws/dynamodb/fleet-reader.ts';
import { paceRows } from '../reconciler/aws/dynamodb/pace-table.ts';
import { tableIndex } from '../reconciler/aws/dynamodb/table-index.ts';
import { lastValidItems } from '../reconciler/aws/dynamodb/last-valid-table.ts';
import { tableStates } from '../reconciler/aws/dynamodb/state-table.ts';
import { metricNamespace, metricService } from '../reconciler/core/announce/metrics.ts';
import type { ItemStore } from '../reconciler/deployed-item.ts';
import type { Invocation } from '../reconciler/lease.ts';
import { paceAlone, sharedPace } from '../reconciler/pace.ts';
import { observeOnly } from '../reconciler/observe-only.ts';
import type { EventSourceMappings, Log, World } from '../reconciler/ports.ts';

/** Everything a function needs, created once per cold start. Only this file reads the environment. */
export interface Runtime {
  readonly world: World;
  /** The account whose route tables are managed. */
  readonly accountId: string;
  /** The Region whose route tables are managed. */
  readonly region: string;
  /** The event sources that report EC2 calls. */
  readonly eventSources: readonly string[];
  /** The interval between sweeps. */
  readonly sweepEveryMs: number;
}

/** Reserved for recording what was done before Lambda ends the function. */
const finishingMs = 10_000;

/** What a reconcile needs to know about its invocation. */
export const invocationOf = ({
  awsRequestId,
  getRemainingTimeInMillis,
}: Pick<Context, 'awsRequestId' | 'getRemainingTimeInMillis'>): Invocation => ({
  requestId: awsRequestId,
  until: new Date(Date.now() + getRemainingTimeInMillis() - finishingMs),
});

let cached: Runtime | undefined;

export function runtime(): Runtime {
  cached ??= start();
  return cached;
}

let cachedReader: FleetReader | undefined;

/** Reads the fleet for the widget. Created once per cold start. */
export function reader(): FleetReader {
  cachedReader ??= fleetReader(documentClient(), {
    desiredTable: setting('DESIRED_TABLE'),
    ordersTable: setting('ORDERS_TABLE'),
    stateTable: setting('STATE_TABLE'),
  });
  return cachedReader;
}

let cachedMappings: EventSourceMappings | undefined;

/** Only the sweep asks Lambda, so only its bundle contains that client. Created once per cold start. */
export function mappings(): EventSourceMappings {
  cachedMappings ??= eventSourceMappings(new LambdaClient({}), setting('MAPPING_IDS').split(','));
  return cachedMappings;
}

/** The items that a deployment writes. Only the function for that may write them. */
export function deployedItems(): ItemStore {
  const documents = documentClient();
  const table = setting('DESIRED_TABLE');
  return { read: (routeTableId) => readItem(documents, table, routeTableId), ...desiredWriter(documents, table) };
}

function start(): Runtime {
  const documents = documentClient();
  const desiredTable = setting('DESIRED_TABLE');
  const ordersTable = setting('ORDERS_TABLE');
  const stateTable = setting('STATE_TABLE');
  const accountId = setting('ACCOUNT_ID');
  const log = logOf(new Logger());
  const now = (): Date => new Date();
  const pace = sharedPace(paceRows(documents, stateTable), { alone: paceAlone(), now, sleep, log });
  const world: World = {
    tables: ec2RouteTables({}, accountId, pace.throttled),
    pace,
    targetHealth: ec2TargetHealth(),
    desired: desiredItems(documents, desiredTable),
    orders: tableOrders(documents, ordersTable),
    lastValid: lastValidItems(documents, stateTable),
    states: tableStates(documents, stateTable, { historyDays: Number(setting('HISTORY_DAYS')) }),
    index: tableIndex(documents, stateTable),
    evidence: tableEvidence(documents, stateTable, log),
    leases: tableLeases(documents, stateTable),
    requeue: requeueQueue(new SQSClient({}), setting('REQUEUE_URL')),
    announcer: announcer(
      new EventBridgeClient({}),
      new Metrics({ namespace: metricNamespace, serviceName: metricService }),
      log,
    ),
    checkpoint: checkpoint(documents, { desiredTable, ordersTable, stateTable }),
    now,
    log,
  };
  return {
    accountId,
    region: setting('AWS_REGION'),
    eventSources: setting('EVENT_SOURCES').split(','),
    sweepEveryMs: Number(setting('SWEEP_EVERY_MINUTES')) * 60_000,
    // An optional setting: only a deployment that never writes routes has it.
    world: process.env['OBSERVE_ONLY'] === 'true' ? observeOnly(world) : world,
  };
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`the environment variable ${name} is not set: the function was not deployed by this stack`);
  return value;
}

const logOf = (logger: Logger): Log => ({
  info: (message, fields = {}) => logger.info(message, { ...fields }),
  warn: (message, fields = {}) => logger.warn(message, { ...fields }),
  error: (message, fields = {}) => logger.error(message, { ...fields }),
  with: (fields) => logOf(logger.createChild({ persistentKeys: { ...fields } })),
});
