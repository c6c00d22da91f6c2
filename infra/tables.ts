import { RemovalPolicy } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  StreamViewType,
  Table,
  TableEncryption,
  type TableProps,
} from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';

/** What people write: one item for each route table. Its stream shows both images, so that a removed route is seen. */
export function desiredRouteTables(scope: Construct, tableName: string, removalPolicy: RemovalPolicy): Table {
  return new Table(scope, 'DesiredRouteTables', {
    ...common(removalPolicy),
    tableName,
    stream: StreamViewType.NEW_AND_OLD_IMAGES,
  });
}

/**
 * What people order apart from the items: pauses, stops, holds and approvals. Rows that have ended expire. The stream
 * carries keys only, because whoever is woken reads all orders anyway.
 */
export function routeTableOrders(scope: Construct, tableName: string, removalPolicy: RemovalPolicy): Table {
  return new Table(scope, 'RouteTableOrders', {
    ...common(removalPolicy),
    tableName,
    sortKey: { name: 'order', type: AttributeType.STRING },
    timeToLiveAttribute: 'expiresAt',
    stream: StreamViewType.KEYS_ONLY,
  });
}

/** What is remembered: status and history of one route table lie together; history expires. */
export function routeTableStates(scope: Construct, tableName: string, removalPolicy: RemovalPolicy): Table {
  return new Table(scope, 'RouteTableStates', {
    ...common(removalPolicy),
    tableName,
    sortKey: { name: 'item', type: AttributeType.STRING },
    timeToLiveAttribute: 'expiresAt',
  });
}

const common = (removalPolicy: RemovalPolicy) =>
  ({
    partitionKey: { name: 'routeTableId', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    encryption: TableEncryption.AWS_MANAGED,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: removalPolicy === RemovalPolicy.RETAIN,
    removalPolicy,
  }) satisfies TableProps;
