import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { Failure } from './failure.ts';

/** The names of a deployment's two DynamoDB tables. */
export interface TableNames {
  readonly desiredTable: string;
  readonly stateTable: string;
}

/** A deployment and the client that reaches it. */
export interface Deployment extends TableNames {
  readonly documents: DynamoDBDocumentClient;
}

/** Options of every command that uses a deployment. */
export interface DeploymentOptions {
  readonly desiredTable: string;
  readonly stateTable: string;
  readonly json?: boolean;
}

/** Creates the client; makes no call yet. */
export async function deployment({ desiredTable, stateTable }: TableNames): Promise<Deployment> {
  const [{ DynamoDBClient }, { DynamoDBDocumentClient }] = await Promise.all([
    import('@aws-sdk/client-dynamodb'),
    import('@aws-sdk/lib-dynamodb'),
  ]);
  const marshallOptions = { removeUndefinedValues: true };
  return {
    desiredTable,
    stateTable,
    documents: DynamoDBDocumentClient.from(new DynamoDBClient({}), { marshallOptions }),
  };
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
  { stateTable, desiredTable }: TableNames,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Failure) throw error;
    const answer = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new Failure(
      `could not ${what} (tables ${desiredTable}, ${stateTable}; see --state-table, AWS_REGION and AWS_PROFILE): ${answer}`,
      { cause: error },
    );
  }
}
