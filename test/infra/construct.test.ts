import { Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { Table } from 'aws-cdk-lib/aws-dynamodb';
import { SecurityGroup, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { ManagedPolicy, Role } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, it } from 'vitest';
import type { RouteReconcilerProps } from '../../infra/props.ts';
import { account, constructApp, region, StackTemplate } from '../support/stack.ts';

const arn = (service: string, rest: string): string => `arn:aws:${service}:${region}:${account}:${rest}`;

/** Another value of every prop. A prop without one does not compile. */
const others = {
  desiredTableName: () => ({ desiredTableName: 'OtherItems' }),
  ordersTableName: () => ({ ordersTableName: 'OtherOrders' }),
  stateTableName: () => ({ stateTableName: 'OtherStates' }),
  desiredTable: (stack) => ({ desiredTable: existing(stack, 'Items') }),
  ordersTable: (stack) => ({ ordersTable: existing(stack, 'Orders') }),
  stateTable: (stack) => ({ stateTable: existing(stack, 'States') }),
  sweepInterval: () => ({ sweepInterval: Duration.minutes(10) }),
  historyRetention: () => ({ historyRetention: Duration.days(30) }),
  observeOnly: () => ({ observeOnly: true }),
  managedTag: () => ({ managedTag: { key: 'team', value: 'network' } }),
  managedVpcIds: () => ({ managedVpcIds: ['vpc-0123456789abcdef0'] }),
  encryptionKey: (stack) => ({ encryptionKey: new Key(stack, 'MyKey') }),
  logRetention: () => ({ logRetention: RetentionDays.ONE_YEAR }),
  alarmTopic: (stack) => ({ alarmTopic: Topic.fromTopicArn(stack, 'MyTopic', arn('sns', 'alarms')) }),
  permissionsBoundary: (stack) => ({
    permissionsBoundary: ManagedPolicy.fromManagedPolicyArn(
      stack,
      'Boundary',
      `arn:aws:iam::${account}:policy/boundary`,
    ),
  }),
  rolePath: () => ({ rolePath: '/network/' }),
  roleNamePrefix: () => ({ roleNamePrefix: 'routes-eu-west-1-' }),
  vpc: (stack) => ({ vpc: vpc(stack) }),
  vpcSubnets: (stack) => ({ vpc: vpc(stack), vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED } }),
  securityGroups: (stack) => ({
    vpc: vpc(stack),
    securityGroups: [SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-0123456789abcdef0')],
  }),
  createTrail: () => ({ createTrail: true }),
  alarmPeriod: () => ({ alarmPeriod: Duration.seconds(10) }),
  reservedConcurrency: () => ({ reservedConcurrency: 5 }),
  memory: () => ({ memory: 1024 }),
  eventSources: () => ({ eventSources: ['local.ec2'] }),
  ec2Endpoint: () => ({ ec2Endpoint: 'http://127.0.0.1:5000' }),
  enforceSSL: () => ({ enforceSSL: false }),
  removalPolicy: () => ({ removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE }),
  code: undefined,
} satisfies Record<keyof RouteReconcilerProps, ((stack: Stack) => RouteReconcilerProps) | undefined>;

const vpc = (stack: Stack) =>
  Vpc.fromVpcAttributes(stack, 'Vpc', {
    vpcId: 'vpc-0123456789abcdef0',
    availabilityZones: ['eu-west-1a'],
    privateSubnetIds: ['subnet-private'],
    privateSubnetRouteTableIds: ['rtb-private'],
    isolatedSubnetIds: ['subnet-isolated'],
    isolatedSubnetRouteTableIds: ['rtb-isolated'],
  });

const existing = (stack: Stack, tableName: string) =>
  Table.fromTableAttributes(stack, tableName, {
    tableName,
    tableStreamArn: arn('dynamodb', `table/${tableName}/stream/2026-01-01T00:00:00.000`),
  });

const templateWith = (props?: (stack: Stack) => RouteReconcilerProps): StackTemplate =>
  new StackTemplate({}, constructApp(props));

const functions = ['OnRouteChange', 'OnDesiredChange', 'OnRequeue', 'Sweep', 'Widget'];
const standard = templateWith();

describe('the construct', () => {
  it('uses an existing table, and creates none in its place', () => {
    const template = templateWith((stack) => ({
      ...others.desiredTable(stack),
      ...others.ordersTable(stack),
      ...others.stateTable(stack),
    }));
    expect([...template.all('AWS::DynamoDB::Table').keys()]).toEqual([]);
    const { Environment } = template.one('AWS::Lambda::Function', 'SweepFunction');
    expect(Environment).toMatchObject({
      Variables: { DESIRED_TABLE: 'Items', ORDERS_TABLE: 'Orders', STATE_TABLE: 'States' },
    });
    expect(template.one('AWS::Lambda::EventSourceMapping', 'OnDesiredChangeFunctionDesiredChanges')).toMatchObject({
      EventSourceArn: arn('dynamodb', 'table/Items/stream/2026-01-01T00:00:00.000'),
    });
  });

  it('rejects an existing table without a stream, or with a name as well', () => {
    expect(() => constructApp((stack) => ({ desiredTable: Table.fromTableName(stack, 'T', 'T') }))).toThrow(
      'desiredTable: expected a table with a stream',
    );
    expect(() => constructApp((stack) => ({ ...others.ordersTable(stack), ordersTableName: 'Orders' }))).toThrow(
      'ordersTable: expected an existing table or ordersTableName, got both',
    );
  });

  it('encrypts tables, queues, topic and logs with the given key, and lets those use it who must', () => {
    const template = templateWith(others.encryptionKey);
    for (const table of template.all('AWS::DynamoDB::Table').values())
      expect(table).toMatchObject({ SSESpecification: { SSEType: 'KMS', KMSMasterKeyId: 'MyKey.Arn' } });
    for (const queue of template.all('AWS::SQS::Queue').values())
      expect(queue).toMatchObject({ KmsMasterKeyId: 'MyKey.Arn' });
    for (const topic of template.all('AWS::SNS::Topic').values())
      expect(topic).toMatchObject({ KmsMasterKeyId: 'MyKey.Arn' });
    for (const log of template.all('AWS::Logs::LogGroup').values())
      expect(log).toMatchObject({ KmsKeyId: 'MyKey.Arn' });
    expect([...template.all('AWS::KMS::Key').keys()]).toEqual(['MyKey']);

    const policy = JSON.stringify(template.one('AWS::KMS::Key', 'MyKey')['KeyPolicy']);
    for (const service of ['logs.eu-west-1', 'events', 'cloudwatch'])
      expect(policy).toContain(`"${service}.amazonaws.com"`);
    const policies = [...template.all('AWS::IAM::Policy').values()].map((one) => JSON.stringify(one));
    for (const role of ['SweepScheduleRole', ...functions.map((name) => `${name}Role`)])
      expect(policies.some((one) => one.includes(`"${role}"`) && one.includes('"MyKey.Arn"'))).toBe(true);
  });

  it('puts the boundary, the path and the names on every role', () => {
    const template = templateWith((stack) => ({
      ...others.permissionsBoundary(stack),
      ...others.rolePath(),
      ...others.roleNamePrefix(),
    }));
    const roles = [...template.all('AWS::IAM::Role').values()];
    expect(roles).toHaveLength(6);
    for (const role of roles)
      expect(role).toMatchObject({ Path: '/network/', PermissionsBoundary: `arn:aws:iam::${account}:policy/boundary` });
    expect(new Set(roles.map(({ RoleName }) => RoleName))).toEqual(
      new Set([...functions, 'SweepSchedule'].map((name) => `routes-eu-west-1-${name}`)),
    );
    expect(JSON.stringify(template.one('AWS::DynamoDB::Table', 'RouteTableStates'))).toContain(':role/network/*');
  });

  it('runs the functions in a VPC, whose interfaces only Lambda itself may create', () => {
    const template = templateWith(others.securityGroups);
    for (const name of functions)
      expect(template.one('AWS::Lambda::Function', `${name}Function`)).toMatchObject({
        VpcConfig: { SecurityGroupIds: ['sg-0123456789abcdef0'], SubnetIds: ['subnet-private'] },
      });
    const [policy] = [...template.all('AWS::IAM::Policy')].filter(([name]) => name === 'SweepRoleDefaultPolicy');
    const statements = JSON.stringify(policy);
    expect(statements).toContain('"lambda:SourceFunctionArn"');
    expect(() => constructApp(() => ({ securityGroups: [] }))).toThrow('expected together with vpc');
  });

  it('creates a trail of write events if asked', () => {
    expect(standard.all('AWS::CloudTrail::Trail').size).toBe(0);
    const template = templateWith(others.createTrail);
    expect(template.one('AWS::CloudTrail::Trail', 'Trail')).toMatchObject({
      IsLogging: true,
      IsMultiRegionTrail: false,
      EventSelectors: [{ IncludeManagementEvents: true, ReadWriteType: 'WriteOnly' }],
    });
    expect(template.retained()).toContain('TrailBucket');
  });

  it('lets a failed first deployment delete its tables only with RETAIN_ON_UPDATE_OR_DELETE', () => {
    const template = templateWith(others.removalPolicy);
    const tables = [...template.all('AWS::DynamoDB::Table').keys()];
    expect(template.retained('RetainExceptOnCreate')).toEqual(expect.arrayContaining(tables));
    expect(standard.retained()).toEqual(expect.arrayContaining(tables));
    // A protected table would stop the rollback.
    for (const table of template.all('AWS::DynamoDB::Table').values())
      expect(table).toMatchObject({ DeletionProtectionEnabled: false });
  });

  it('grants people exactly one table each', () => {
    const { reconciler, ...app } = constructApp();
    const role = (id: string) => Role.fromRoleArn(app.stack, id, `arn:aws:iam::${account}:role/${id}`);
    reconciler.grantWriteDesired(role('Pipeline'));
    reconciler.grantOrder(role('Operator'));
    reconciler.grantReadState(role('Reader'));
    const template = new StackTemplate({}, app);
    const read = ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:Scan'];
    const write = ['dynamodb:BatchWriteItem', 'dynamodb:DeleteItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'];
    const granted = (id: string) => {
      const [policy] = [...template.all('AWS::IAM::Policy')].filter(([name]) => name.startsWith(id));
      return policy?.[1]['PolicyDocument'];
    };
    const one = (Action: string[], Resource: string) => ({
      Statement: [{ Effect: 'Allow', Action: Action.sort(), Resource }],
      Version: '2012-10-17',
    });
    expect(granted('Pipeline')).toEqual(one([...read, ...write], 'DesiredRouteTables.Arn'));
    expect(granted('Operator')).toEqual(one([...read, ...write], 'RouteTableOrders.Arn'));
    expect(granted('Reader')).toEqual(one(read, 'RouteTableStates.Arn'));
  });

  it('has its alarms and metrics for other dashboards', () => {
    const { reconciler } = constructApp();
    expect(reconciler.alarms).toHaveLength(29);
    expect(reconciler.metricDriftDetected()).toMatchObject({
      namespace: 'RouteReconciler',
      metricName: 'DriftDetected',
      statistic: 'Sum',
    });
    expect(reconciler.metricHealLatency({ statistic: 'p50' })).toMatchObject({ statistic: 'p50' });
  });
});

/** What holds data, and the properties whose change replaces it, as the CloudFormation reference says. */
const replacedBy: Readonly<Record<string, readonly string[]>> = {
  'AWS::DynamoDB::Table': [
    'TableName',
    'KeySchema',
    'AttributeDefinitions',
    'LocalSecondaryIndexes',
    'ImportSourceSpecification',
  ],
  'AWS::Logs::LogGroup': ['LogGroupName'],
  'AWS::SNS::Topic': ['TopicName', 'FifoTopic'],
  'AWS::SQS::Queue': ['QueueName', 'FifoQueue'],
};

/** What identifies a resource. If it changes, CloudFormation replaces the resource. */
const identities = (template: StackTemplate): Map<string, string> =>
  new Map(
    Object.entries(replacedBy).flatMap(([type, properties]) =>
      [...template.all(type)].map(([id, found]): [string, string] => [
        id,
        JSON.stringify(properties.map((name) => found[name])),
      ]),
    ),
  );

describe('an update that changes one prop', () => {
  const before = identities(standard);
  // These props are about which table or topic is used. What is no longer used leaves the stack, and tables are retained.
  const exceptions: Readonly<Record<string, string>> = {
    desiredTableName: 'DesiredRouteTables',
    desiredTable: 'DesiredRouteTables',
    ordersTableName: 'RouteTableOrders',
    ordersTable: 'RouteTableOrders',
    stateTableName: 'RouteTableStates',
    stateTable: 'RouteTableStates',
    alarmTopic: 'AlarmsTopic',
  };

  it.each(Object.entries(others).flatMap(([prop, other]) => (other ? [[prop, other] as const] : [])))(
    'replaces nothing that holds data: %s',
    (prop, other) => {
      const changed = templateWith(other);
      expect(changed.text).not.toBe(standard.text);
      const after = identities(changed);
      const replaced = [...before].filter(([id, identity]) => after.get(id) !== identity).map(([id]) => id);
      expect(replaced).toEqual(exceptions[prop] === undefined ? [] : [exceptions[prop]]);
      if (prop !== 'alarmTopic') expect(standard.retained()).toEqual(expect.arrayContaining(replaced));
    },
  );
});
