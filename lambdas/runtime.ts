import { Logger } from '@aws-lambda-powertools/logger';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Context } from 'aws-lambda';
import { desiredItems } from '../reconciler/aws/desired-table.ts';
import { ec2RouteTables } from '../reconciler/aws/ec2.ts';
import { tableStates } from '../reconciler/aws/state-table.ts';
import type { Log, World } from '../reconciler/ports.ts';

/** Everything a function needs, made once per cold start. This is the one place that reads the environment. */
export interface Runtime {
  readonly world: World;
  /** The account whose route tables are managed. */
  readonly accountId: string;
}

/** Kept for writing down what was done before the function is cut off. */
const finishingMs = 10_000;

/** The instant after which no call to EC2 may start. */
export const deadline = (context: Pick<Context, 'getRemainingTimeInMillis'>): Date =>
  new Date(Date.now() + context.getRemainingTimeInMillis() - finishingMs);

let cached: Runtime | undefined;

export function runtime(): Runtime {
  cached ??= start();
  return cached;
}

function start(): Runtime {
  const documents = DynamoDBDocumentClient.from(new DynamoDBClient({}), {
    marshallOptions: { removeUndefinedValues: true },
  });
  return {
    accountId: setting('ACCOUNT_ID'),
    world: {
      tables: ec2RouteTables(),
      desired: desiredItems(documents, setting('DESIRED_TABLE')),
      states: tableStates(documents, setting('STATE_TABLE')),
      now: () => new Date(),
      log: logOf(new Logger()),
    },
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
