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
import type { AnyTable, RouteReconcilerProps } from './props.ts';

/** The tables of one deployment, new or existing ones. */
export interface Tables {
  /**
   * The desired items that people write, one for each route table. The stream carries both images: it shows removed
   * routes.
   */
  readonly desiredTable: AnyTable;
  /**
   * The orders that people give outside the items: pauses, stops, holds and approvals. Rows expire after their end. The
   * stream carries keys only, because a reconcile reads all orders of its table anyway.
   */
  readonly ordersTable: AnyTable;
  /** The stored states. The status and the history of a route table are stored together. History expires. */
  readonly stateTable: AnyTable;
}

/**
 * Creates the tables that do not exist yet. Their names are literals: only such tables are found again after the stack
 * was deleted.
 *
 * @throws Error if an existing table has a name as well
 */
export function tables(scope: Construct, props: RouteReconcilerProps): Tables {
  const { desiredTable, desiredTableName, ordersTable, ordersTableName, stateTable, stateTableName } = props;
  const common = commonProps(props);
  return {
    desiredTable:
      existing('desiredTable', desiredTable, desiredTableName) ??
      new Table(scope, 'DesiredRouteTables', {
        ...common,
        tableName: desiredTableName ?? 'DesiredRouteTables',
        stream: StreamViewType.NEW_AND_OLD_IMAGES,
      }),
    ordersTable:
      existing('ordersTable', ordersTable, ordersTableName) ??
      new Table(scope, 'RouteTableOrders', {
        ...common,
        tableName: ordersTableName ?? 'RouteTableOrders',
        sortKey: { name: 'order', type: AttributeType.STRING },
        timeToLiveAttribute: 'expiresAt',
        stream: StreamViewType.KEYS_ONLY,
      }),
    stateTable:
      existing('stateTable', stateTable, stateTableName) ??
      new Table(scope, 'RouteTableStates', {
        ...common,
        tableName: stateTableName ?? 'RouteTableStates',
        sortKey: { name: 'item', type: AttributeType.STRING },
        timeToLiveAttribute: 'expiresAt',
      }),
  };
}

function existing(prop: string, table: AnyTable | undefined, name: string | undefined): AnyTable | undefined {
  if (table && name !== undefined) throw new Error(`${prop}: expected an existing table or ${prop}Name, got both`);
  return table;
}

/** @throws Error if an imported table was imported without its stream */
export function streamArn(prop: string, { tableStreamArn }: AnyTable): string {
  if (tableStreamArn !== undefined) return tableStreamArn;
  throw new Error(`${prop}: expected a table with a stream; import it with tableStreamArn (Table.fromTableAttributes)`);
}

function commonProps({ removalPolicy = RemovalPolicy.RETAIN, encryptionKey }: RouteReconcilerProps) {
  return {
    partitionKey: { name: 'routeTableId', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    ...(encryptionKey
      ? { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey }
      : { encryption: TableEncryption.AWS_MANAGED }),
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: removalPolicy === RemovalPolicy.RETAIN,
    removalPolicy,
  } satisfies TableProps;
}
