import { DeleteRolePolicyCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  DeleteFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { SQSClient, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { type StackAddress, connect } from '../../../local/stack.ts';

/** The deployed functions, as the outputs and roles of the stack name them. */
export type FunctionName = 'OnRouteChange' | 'OnDesiredChange' | 'OnRequeue' | 'Sweep';

/** Every function of the stack, also the one that only shows. */
export type DeployedName = FunctionName | 'Widget';

export const functionNames: readonly FunctionName[] = ['OnRouteChange', 'OnDesiredChange', 'OnRequeue', 'Sweep'];

/** Calls the deployed functions, and breaks them for a while. */
export class DeployedFunctions {
  readonly #outputs: StackAddress['outputs'];
  readonly #lambda: LambdaClient;
  readonly #iam: IAMClient;
  readonly #sqs: SQSClient;

  constructor(address: StackAddress) {
    const { aws } = connect(address);
    this.#outputs = address.outputs;
    this.#lambda = new LambdaClient(aws);
    this.#iam = new IAMClient(aws);
    this.#sqs = new SQSClient(aws);
  }

  /** Calls a function and waits for its end. Throws if it fails. */
  async invoke(name: FunctionName, payload: unknown): Promise<void> {
    const { FunctionError, Payload } = await this.#lambda.send(
      new InvokeCommand({ FunctionName: this.#outputs[`${name}FunctionName`], Payload: JSON.stringify(payload) }),
    );
    if (FunctionError) throw new Error(`${name} failed: ${Payload?.transformToString()}`);
  }

  /** Calls a function as an event does: at once, and Lambda repeats the call if it fails. */
  async trigger(name: FunctionName, payload: unknown): Promise<void> {
    const FunctionName = this.#outputs[`${name}FunctionName`];
    await this.#lambda.send(
      new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(payload) }),
    );
  }

  /** The name of a function in the calls that the relay records. */
  async callerOf(name: FunctionName): Promise<string> {
    return `role/${await this.roleOf(name)}`;
  }

  /** The name of a function's role. */
  async roleOf(name: DeployedName): Promise<string> {
    const FunctionName = this.#outputs[`${name}FunctionName`];
    const { Role } = await this.#lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    return String(Role?.split('/').at(-1));
  }

  // ── breaking them ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Denies a function's role an action on one route table, whatever the role's own policy grants.
   *
   * @returns ends the denial
   */
  async deny(name: FunctionName, Action: string, table: string): Promise<() => Promise<unknown>> {
    return this.denyOn(name, Action, `arn:aws:ec2:*:*:route-table/${table}`);
  }

  /**
   * Denies an action on any resource, as a policy names it.
   *
   * @returns ends the denial
   */
  async denyOn(name: DeployedName, Action: string, Resource: string): Promise<() => Promise<unknown>> {
    const RoleName = await this.roleOf(name);
    const PolicyName = `Deny-${Action}-${Resource}`.replaceAll(/[^\w-]/g, '-').slice(0, 128);
    const Statement = [{ Effect: 'Deny', Action, Resource }];
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    await this.#iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument }));
    let ended: Promise<unknown> | undefined;
    return () => (ended ??= this.#iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })));
  }

  /**
   * Throttles every call of a function.
   *
   * @returns lets calls through again
   */
  async throttle(name: FunctionName): Promise<() => Promise<unknown>> {
    const FunctionName = this.#outputs[`${name}FunctionName`];
    await this.#lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
    return () => this.#lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
  }

  /**
   * Removes the settings of a function, so that it crashes at every call, as after a bad deployment.
   *
   * @returns restores the settings
   */
  async cripple(name: FunctionName): Promise<() => Promise<unknown>> {
    const FunctionName = this.#outputs[`${name}FunctionName`];
    const { Environment: { Variables = {} } = {} } = await this.#lambda.send(
      new GetFunctionConfigurationCommand({ FunctionName }),
    );
    const set = (variables: Record<string, string>) =>
      this.#lambda.send(
        new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables: variables } }),
      );
    await set({});
    return () => set(Variables);
  }

  /**
   * Disables the event source mappings of a function, so that it receives no messages or stream records.
   *
   * @returns enables them again
   */
  async deafen(name: FunctionName): Promise<() => Promise<unknown>> {
    const { EventSourceMappings = [] } = await this.#lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName: this.#outputs[`${name}FunctionName`] }),
    );
    const listen = (Enabled: boolean) =>
      Promise.all(
        EventSourceMappings.map(({ UUID }) =>
          this.#lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled })),
        ),
      );
    await listen(false);
    return () => listen(true);
  }

  /**
   * Lets Lambda and SQS give up failing edits and requeue messages within seconds, instead of an hour and 18 minutes. The
   * real AWS requires at least a minute for edits.
   *
   * @returns restores the times
   */
  async giveUpSoon(): Promise<() => Promise<unknown>> {
    const { EventSourceMappings = [] } = await this.#lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName: this.#outputs['OnDesiredChangeFunctionName'] }),
    );
    const set = (MaximumRecordAgeInSeconds: number, VisibilityTimeout: number) =>
      Promise.all([
        ...EventSourceMappings.map(({ UUID }) =>
          this.#lambda.send(new UpdateEventSourceMappingCommand({ UUID, MaximumRecordAgeInSeconds })),
        ),
        this.#sqs.send(
          new SetQueueAttributesCommand({
            QueueUrl: this.#outputs['RequeueQueueUrl'],
            Attributes: { VisibilityTimeout: String(VisibilityTimeout) },
          }),
        ),
      ]);
    await set(5, 1);
    return () => set(3_600, 360);
  }

  /** Kills every process of a function, even in the middle of a call. MiniStack does so when the configuration changes. */
  async killWorkers(name: FunctionName): Promise<void> {
    const FunctionName = this.#outputs[`${name}FunctionName`];
    await this.#lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 60 }));
  }
}
