import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
} from '@aws-sdk/client-lambda';

import { connect } from '../../../../local/stack.ts';
import { localStack } from '../../support/local-stack.ts';

/** A function of a few statements, deployed next to those of the stack. */
export interface SmallFunction {
  readonly name: string;
  /** Calls it once and waits for the result, success or failure. Throws if the call is throttled. */
  readonly call: () => Promise<unknown>;
  /** Calls it once asynchronously, as an event does. */
  readonly trigger: () => Promise<unknown>;
  /** Throttles all further calls. */
  readonly throttle: () => Promise<unknown>;
  readonly remove: () => Promise<unknown>;
}

/** @param body the statements of an async handler */
export async function deployFunction(name: string, body: string): Promise<SmallFunction> {
  const address = localStack();
  const lambda = new LambdaClient({ ...connect(address).aws, maxAttempts: 1 });
  const { Role } = await lambda.send(
    new GetFunctionConfigurationCommand({ FunctionName: address.outputs['SweepFunctionName'] }),
  );
  const FunctionName = `${name}-${Date.now()}`;
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Role,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Code: { ZipFile: await zipped(`export const handler = async () => {\n${body}\n};\n`) },
      LoggingConfig: { LogFormat: 'JSON' },
    }),
  );
  await lambda.send(new PutFunctionEventInvokeConfigCommand({ FunctionName, MaximumRetryAttempts: 0 }));
  return {
    name: FunctionName,
    call: () => lambda.send(new InvokeCommand({ FunctionName })),
    trigger: () => lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event' })),
    throttle: () => lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 })),
    remove: () => lambda.send(new DeleteFunctionCommand({ FunctionName })),
  };
}

/** The code as a ZIP archive, packed with the emulators' Python. */
async function zipped(code: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'small-function-'));
  try {
    await writeFile(join(folder, 'index.mjs'), code);
    const python = join(import.meta.dirname, '../../../../.venv/bin/python');
    await promisify(execFile)(python, ['-m', 'zipfile', '-c', 'code.zip', 'index.mjs'], { cwd: folder });
    return await readFile(join(folder, 'code.zip'));
  } finally {
    await rm(folder, { recursive: true });
  }
}
