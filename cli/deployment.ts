import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { TableNames } from '../reconciler/aws/dynamodb/checkpoint.ts';
import { Failure } from './failure.ts';

/** A deployment as `routectl` reaches it: its tables, and who we are there. */
export interface Deployment extends TableNames {
  readonly documents: DynamoDBDocumentClient;
}

/** Options of every command that speaks to a deployment. */
export interface DeploymentOptions extends TableNames {
  readonly json?: boolean;
}

/** Opens the tables; asks nothing of them yet. */
export async function deployment({ desiredTable, ordersTable, stateTable }: TableNames): Promise<Deployment> {
  const { documentClient } = await import('../reconciler/aws/dynamodb/document-client.ts');
  return { desiredTable, ordersTable, stateTable, documents: documentClient() };
}

/** Our own ARN, or `unknown caller` if STS does not return one. */
export async function whoAmI(): Promise<string> {
  const { GetCallerIdentityCommand, STSClient } = await import('@aws-sdk/client-sts');
  try {
    return (await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn ?? 'unknown caller';
  } catch {
    return 'unknown caller';
  }
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
      `could not ${what} (tables ${desiredTable}, ${ordersTable}, ${stateTable}; see --orders-table, --state-table, AWS_REGION and AWS_PROFILE): ${answer}`,
      { cause: error },
    );
  }
}
