import {
  AssociateRouteTableCommand,
  CreateSubnetCommand,
  DeleteVpcPeeringConnectionCommand,
  DisassociateRouteTableCommand,
  ModifyManagedPrefixListCommand,
} from '@aws-sdk/client-ec2';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Testbed } from '../support/testbed.ts';

// These calls name no route, but change the targets of routes or the subnets of a table. No sweep runs in these tests.

let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

const alice = expect.objectContaining({ arn: expect.stringContaining('user/alice') });

const notices = (table: string) =>
  eventually(async () => {
    const found = (await testbed.notices(table)).toSorted((one, other) => (one.notice < other.notice ? -1 : 1));
    expect(found.length).toBeGreaterThan(0);
    return found;
  });

describe('a change to the surroundings of a managed table', () => {
  it('is in the history with its actor: a subnet that joins and leaves', async () => {
    const { network } = testbed;
    const table = await testbed.tableInSync({ '10.20.0.0/16': network.peering });
    const made = new CreateSubnetCommand({ VpcId: network.vpc, CidrBlock: '10.0.77.0/24' });
    const SubnetId = (await testbed.alice.send(made)).Subnet?.SubnetId;
    const { AssociationId } = await testbed.alice.send(
      new AssociateRouteTableCommand({ RouteTableId: table, SubnetId }),
    );
    expect(await notices(table)).toMatchObject([
      { notice: `AssociateRouteTable: ${SubnetId} uses this table from now on`, actor: alice },
    ]);
    // The association is known, and the call that ends it names nothing else.
    await testbed.alice.send(new DisassociateRouteTableCommand({ AssociationId }));
    await eventually(async () =>
      expect((await testbed.notices(table)).map(({ notice }) => notice)).toContain(
        `DisassociateRouteTable: ${AssociationId} no longer uses this table`,
      ),
    );
    expect((await testbed.status(table))?.phase).toBe('InSync');
  });

  it('is in the history with its actor: other CIDR blocks in a prefix list', async () => {
    const { network } = testbed;
    const table = await testbed.tableInSync({ [network.prefixList]: network.transitGateway });
    await testbed.alice.send(
      new ModifyManagedPrefixListCommand({
        PrefixListId: network.prefixList,
        CurrentVersion: 1,
        AddEntries: [{ Cidr: '10.113.0.0/16' }],
      }),
    );
    expect(await notices(table)).toMatchObject([
      {
        notice: expect.stringContaining(`ModifyManagedPrefixList: the CIDR blocks behind ${network.prefixList}`),
        actor: alice,
      },
    ]);
  });

  it('causes no EC2 call if it concerns no managed table', async () => {
    const { network } = testbed;
    const table = await testbed.newTable({ '10.30.0.0/16': network.otherPeering });
    const since = await testbed.mark();
    await testbed.alice.send(new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: network.otherPeering }));
    await testbed.healsAnother();
    expect(await testbed.callsOn(table, since)).toEqual([]);
  });

  it('causes a reconcile of a table that has a route to a deleted target', async () => {
    const { network } = testbed;
    const table = await testbed.tableInSync({ '10.20.0.0/16': network.peering });
    const checkedAt = (await testbed.status(table))?.checkedAt;
    const since = await testbed.mark();
    await testbed.alice.send(new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: network.peering }));
    await eventually(async () =>
      expect((await testbed.callsOn(table, since)).map(({ by, call }) => [by, call])).toEqual([
        ['OnRouteChange', 'DescribeRouteTables'],
      ]),
    );
    expect(checkedAt).toBeDefined();
  });
});
