import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { TableNames } from '../reconciler/aws/dynamodb/checkpoint.ts';
import { type AwsOptions, type Caller, enterAws } from './caller.ts';
import { Failure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** A deployment as `routectl` reaches it: its tables, and who we are there. */
export interface Deployment extends TableNames {
  readonly documents: DynamoDBDocumentClient;
  readonly caller: Caller;
}

/** Options of every command that speaks to a deployment. */
export interface DeploymentOptions extends TableNames, AwsOptions {
  readonly json?: boolean;
}

/**
 * Opens the tables; asks nothing of them yet.
 *
 * @throws Failure if this is not the account that was asked for
 */
export async function deployment(
  { desiredTable, ordersTable, stateTable, ...options }: DeploymentOptions,
  terminal: Pick<Terminal, 'note'>,
): Promise<Deployment> {
  const caller = await enterAws(options, terminal);
  const { documentClient } = await import('../reconciler/aws/dynamodb/document-client.ts');
  return { desiredTable, ordersTable, stateTable, documents: documentClient(), caller };
}

/**
 * Runs work that needs the deployment.
 *
 * @throws Failure that says what could not be done, and the error that AWS returned
 */
export async function reaching<T>(
  what: string,
  { desiredTable, ordersTable, stateTable }: TableNames,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Failure) throw error;
    const answer = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new Failure(
      `could not ${what} (tables ${desiredTable}, ${ordersTable}, ${stateTable}; see --desired-table, --orders-table, --state-table, AWS_REGION and AWS_PROFILE): ${answer}`,
      { cause: error },
    );
  }
}
