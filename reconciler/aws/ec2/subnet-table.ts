import {
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  EC2Client,
  type EC2ClientConfig,
  type Filter,
} from '@aws-sdk/client-ec2';
import type { ActualTable } from '../../core/route/route.ts';
import { actualTable } from './route-codec.ts';

/** The table that serves a subnet, and why: an association, or because it is the main table of the VPC. */
export interface ServingTable {
  readonly table: ActualTable;
  readonly as: 'associated' | 'main';
}

/**
 * Finds the table that serves a subnet. EC2 lists a subnet only in an explicit association.
 *
 * @returns undefined if the subnet does not exist
 * @throws what EC2 answers, and an error if it shows no table: another account may own the VPC
 */
export function ec2SubnetTable(config: EC2ClientConfig = {}): (id: string) => Promise<ServingTable | undefined> {
  const client = new EC2Client({ ...config, retryMode: 'adaptive', maxAttempts: 4 });

  async function tableWhere(Filters: Filter[]): Promise<ActualTable | undefined> {
    const { RouteTables } = await client.send(new DescribeRouteTablesCommand({ Filters }));
    if (!RouteTables) throw new TypeError('EC2 answered DescribeRouteTables without RouteTables');
    const [table] = RouteTables;
    return table && actualTable(table);
  }

  return async (id) => {
    const associated = await tableWhere([{ Name: 'association.subnet-id', Values: [id] }]);
    if (associated) return { table: associated, as: 'associated' };
    // By filter: an unknown id is an empty answer, not an error.
    const { Subnets } = await client.send(
      new DescribeSubnetsCommand({ Filters: [{ Name: 'subnet-id', Values: [id] }] }),
    );
    if (!Subnets) throw new TypeError('EC2 answered DescribeSubnets without Subnets');
    const [subnet] = Subnets;
    if (!subnet) return undefined;
    const VpcId = subnet.VpcId ?? '';
    const main = await tableWhere([
      { Name: 'vpc-id', Values: [VpcId] },
      { Name: 'association.main', Values: ['true'] },
    ]);
    if (!main) throw new Error(`EC2 shows no main table of ${VpcId}: if another account owns that VPC, ask there`);
    return { table: main, as: 'main' };
  };
}
