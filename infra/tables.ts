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

/**
 * The desired items that people write, one for each route table. The stream carries both images: it shows removed
 * routes.
 */
export function desiredRouteTables(scope: Construct, tableName: string, removalPolicy: RemovalPolicy): Table {
  return new Table(scope, 'DesiredRouteTables', {
    ...common(removalPolicy),
    tableName,
    stream: StreamViewType.NEW_AND_OLD_IMAGES,
  });
}

/**
 * The orders that people give outside the items: pauses, stops, holds and approvals. Rows expire after their end. The
 * stream carries keys only, because a reconcile reads all orders of its table anyway.
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

/** The stored states. The status and the history of a route table are stored together. History expires. */
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
