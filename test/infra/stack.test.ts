import { describe, expect, it } from 'vitest';
import { account, localAccount, StackTemplate } from '../support/stack.ts';

const deadLetterQueues = ['UndeliveredEvents', 'FailedInvocations', 'FailedRecords', 'FailedRequeues'];
const functions = ['OnRouteChange', 'OnDesiredChange', 'OnRequeue', 'Sweep', 'Widget'];

describe('the stack', () => {
  const template = new StackTemplate();

  it('keeps desired state by route table, with a stream that shows what was removed', () => {
    expect(template.one('AWS::DynamoDB::Table', 'DesiredRouteTables')).toMatchObject({
      TableName: 'DesiredRouteTables',
      KeySchema: [{ AttributeName: 'routeTableId', KeyType: 'HASH' }],
      StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
    });
  });

  it('keeps the orders for a route table together, lets ended ones expire, and sends each to a stream', () => {
    expect(template.one('AWS::DynamoDB::Table', 'RouteTableOrders')).toMatchObject({
      TableName: 'RouteTableOrders',
      KeySchema: [
        { AttributeName: 'routeTableId', KeyType: 'HASH' },
        { AttributeName: 'order', KeyType: 'RANGE' },
      ],
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      StreamSpecification: { StreamViewType: 'KEYS_ONLY' },
    });
  });

  it('keeps status and history of a route table together, and lets history expire', () => {
    expect(template.one('AWS::DynamoDB::Table', 'RouteTableStates')).toMatchObject({
      TableName: 'RouteTableStates',
      KeySchema: [
        { AttributeName: 'routeTableId', KeyType: 'HASH' },
        { AttributeName: 'item', KeyType: 'RANGE' },
      ],
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    });
  });

  it('leaves tables and logs behind when it is deleted', () => {
    const logs = functions.map((name) => `${name}Logs`);
    expect(template.retained().sort()).toEqual(
      ['DesiredRouteTables', 'RouteTableOrders', 'RouteTableStates', ...logs].sort(),
    );
  });

  it('protects the tables from deletion and from mistakes, and encrypts them', () => {
    for (const table of template.all('AWS::DynamoDB::Table').values()) {
      expect(table).toMatchObject({
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        SSESpecification: { SSEEnabled: true },
      });
    }
  });

  it('keeps history for the configured time', () => {
    const { Environment } = new StackTemplate({ historyDays: 365 }).one('AWS::Lambda::Function', 'SweepFunction');
    expect(Environment).toMatchObject({ Variables: { HISTORY_DAYS: '365' } });
  });

  const mappings = [...template.all('AWS::Lambda::EventSourceMapping').keys()];

  it.each(functions)('gives %s the names of tables and queue, its account id, and the sources of events', (name) => {
    const { Environment } = template.one('AWS::Lambda::Function', `${name}Function`);
    expect(Environment).toEqual({
      Variables: {
        DESIRED_TABLE: 'DesiredRouteTables',
        ORDERS_TABLE: 'RouteTableOrders',
        STATE_TABLE: 'RouteTableStates',
        REQUEUE_URL: 'Requeue',
        ACCOUNT_ID: account,
        EVENT_SOURCES: 'aws.ec2',
        SWEEP_EVERY_MINUTES: '5',
        HISTORY_DAYS: '90',
        POWERTOOLS_SERVICE_NAME: 'route-reconciler',
        POWERTOOLS_LOG_LEVEL: 'INFO',
        NODE_OPTIONS: '--enable-source-maps',
        ...(name === 'Sweep' && { MAPPING_IDS: { 'Fn::Join': ['', mappings.join(' , ').split(' ')] } }),
      },
    });
  });

  it.each(functions)('gives %s a role and a log of its own, kept for 90 days', (name) => {
    expect(template.one('AWS::Lambda::Function', `${name}Function`)).toMatchObject({
      Role: `${name}Role.Arn`,
      LoggingConfig: { LogGroup: `${name}Logs`, LogFormat: 'JSON' },
    });
    expect(template.one('AWS::Logs::LogGroup', `${name}Logs`)).toMatchObject({ RetentionInDays: 90 });
  });

  it('sends route calls to on-route-change, and undeliverable events to a dead-letter queue', () => {
    expect(template.one('AWS::Events::Rule', 'RouteCalls')).toMatchObject({
      State: 'ENABLED',
      Targets: [{ Arn: 'OnRouteChangeFunction.Arn', DeadLetterConfig: { Arn: 'UndeliveredEvents.Arn' } }],
    });
  });

  it('sweeps every 5 minutes, and sends a sweep that could not start to a dead-letter queue', () => {
    expect(template.one('AWS::Scheduler::Schedule', 'SweepSchedule')).toMatchObject({
      State: 'ENABLED',
      ScheduleExpression: 'rate(5 minutes)',
      Target: {
        Arn: 'SweepFunction.Arn',
        RoleArn: 'SweepScheduleRole.Arn',
        DeadLetterConfig: { Arn: 'UndeliveredEvents.Arn' },
      },
    });
  });

  it.each(['OnRouteChange', 'Sweep'])('tries a failed invocation of %s twice more, then keeps it aside', (name) => {
    expect(template.one('AWS::Lambda::EventInvokeConfig', `${name}FunctionEventInvokeConfig`)).toMatchObject({
      FunctionName: `${name}Function`,
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: 'FailedInvocations.Arn' } },
    });
  });

  describe.each([
    ['edits', 'DesiredChanges', 'DesiredRouteTables'],
    ['orders', 'Orders', 'RouteTableOrders'],
  ])('reads %s from a stream', (_, id, table) => {
    const mapping = template.one('AWS::Lambda::EventSourceMapping', `OnDesiredChangeFunction${id}`);

    it('and is never blocked by a poison record: after a few tries in smaller batches, it goes to a dead-letter queue', () => {
      expect(mapping).toMatchObject({
        EventSourceArn: `${table}.StreamArn`,
        FunctionName: 'OnDesiredChangeFunction',
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        BisectBatchOnFunctionError: true,
        MaximumRetryAttempts: 5,
        MaximumRecordAgeInSeconds: 3600,
        DestinationConfig: { OnFailure: { Destination: 'FailedRecords.Arn' } },
      });
    });

    it('and misses no edit while the mapping is created or updated', () => {
      expect(mapping).toMatchObject({ StartingPosition: 'TRIM_HORIZON' });
    });
  });

  it('is not woken by its own writes', () => {
    expect(template.one('AWS::DynamoDB::Table', 'RouteTableStates')).not.toHaveProperty('StreamSpecification');
  });

  it('receives requeue messages, reports which one failed, and sends it to a dead-letter queue after six tries', () => {
    const [mapping] = [...template.all('AWS::Lambda::EventSourceMapping').values()].filter(
      ({ EventSourceArn }) => EventSourceArn === 'Requeue.Arn',
    );
    expect(mapping).toMatchObject({
      FunctionName: 'OnRequeueFunction',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      // As many tables as one read shows.
      BatchSize: 100,
      MaximumBatchingWindowInSeconds: 1,
    });
    expect(template.one('AWS::SQS::Queue', 'Requeue')).toMatchObject({
      RedrivePolicy: { deadLetterTargetArn: 'FailedRequeues.Arn', maxReceiveCount: 6 },
    });
  });

  it('hides a message while it is processed, and leaves time for all its tries', () => {
    const { Timeout } = template.one('AWS::Lambda::Function', 'OnRequeueFunction');
    const queue = template.one('AWS::SQS::Queue', 'Requeue');
    expect(Timeout).toBe(60);
    expect(queue).toMatchObject({ VisibilityTimeout: 6 * 60, MessageRetentionPeriod: 3600 });
  });

  it.each(deadLetterQueues)('keeps what failed as long as SQS can (%s)', (name) => {
    expect(template.one('AWS::SQS::Queue', name)).toMatchObject({
      MessageRetentionPeriod: 14 * 24 * 3600,
      SqsManagedSseEnabled: true,
    });
  });

  it('has the outputs that scripts use', () => {
    expect([...template.outputs].sort()).toEqual([
      'AlarmTopicArn',
      'DashboardName',
      'DesiredTableName',
      'FailedInvocationsQueueUrl',
      'FailedRecordsQueueUrl',
      'FailedRequeuesQueueUrl',
      'InstanceStatesRuleName',
      'OnDesiredChangeFunctionName',
      'OnRequeueFunctionName',
      'OnRouteChangeFunctionName',
      'OrdersTableName',
      'RequeueQueueUrl',
      'RuleName',
      'ScheduleName',
      'StateTableName',
      'SurroundingCallsRuleName',
      'SweepFunctionName',
      'TagCallsRuleName',
      'UndeliveredEventsQueueUrl',
      'WidgetFunctionName',
    ]);
  });
});

describe('the stack on the local emulators', () => {
  const template = new StackTemplate({ local: true, ec2Endpoint: 'http://127.0.0.1:5000', sweepEveryMinutes: 1 });

  it('leaves nothing behind', () => {
    expect(template.retained()).toEqual([]);
    for (const table of template.all('AWS::DynamoDB::Table').values()) {
      expect(table).toMatchObject({ DeletionProtectionEnabled: false });
    }
  });

  it.each(functions)('lets %s call the EC2 stand-in under the name of its role', (name) => {
    const { Environment } = template.one('AWS::Lambda::Function', `${name}Function`);
    expect(Environment).toMatchObject({
      Variables: {
        ACCOUNT_ID: localAccount,
        EVENT_SOURCES: 'aws.ec2,local.ec2',
        AWS_ENDPOINT_URL_EC2: { 'Fn::Join': ['', ['http://127.0.0.1:5000/role/', `${name}Role`]] },
      },
    });
  });

  it('sweeps as often as asked', () => {
    const schedule = template.one('AWS::Scheduler::Schedule', 'SweepSchedule');
    expect(schedule).toMatchObject({ ScheduleExpression: 'rate(1 minute)' });
  });

  it('lacks only the queue policies that require TLS', () => {
    const real = new StackTemplate();
    const missing = real.resources.filter((resource) => !template.resources.includes(resource));
    expect(missing.filter((resource) => !resource.startsWith('AWS::SQS::QueuePolicy'))).toEqual([]);
  });
});
