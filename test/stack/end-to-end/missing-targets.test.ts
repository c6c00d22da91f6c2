import { CreateRouteCommand, type CreateRouteCommandInput } from '@aws-sdk/client-ec2';
import { beforeAll, describe, expect, it } from 'vitest';
import { Testbed } from '../support/testbed.ts';

let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

const create = (table: string, named: Partial<CreateRouteCommandInput>) =>
  testbed.unannounced.send(
    new CreateRouteCommand({
      RouteTableId: table,
      ...('DestinationPrefixListId' in named ? {} : { DestinationCidrBlock: '10.20.0.0/16' }),
      ...named,
    }),
  );

describe.concurrent('a route call that names something which does not exist', () => {
  it('is refused on the local stack, whatever it names', async () => {
    const table = await testbed.newTable();
    const absent = '0eeeeeeeeeeeeeeee';
    const missing: readonly Partial<CreateRouteCommandInput>[] = [
      { GatewayId: `igw-${absent}` },
      { GatewayId: `vgw-${absent}` },
      { NatGatewayId: `nat-${absent}` },
      { TransitGatewayId: `tgw-${absent}` },
      { VpcPeeringConnectionId: `pcx-${absent}` },
      { NetworkInterfaceId: `eni-${absent}` },
      { InstanceId: `i-${absent}` },
      { EgressOnlyInternetGatewayId: `eigw-${absent}` },
      { CarrierGatewayId: `cagw-${absent}` },
      { LocalGatewayId: `lgw-${absent}` },
      { VpcEndpointId: `vpce-${absent}` },
      { DestinationPrefixListId: `pl-${absent}`, NatGatewayId: testbed.network.natGateway },
    ];
    for (const named of missing)
      await expect(create(table, named), JSON.stringify(named)).rejects.toMatchObject({
        name: expect.stringMatching(/NotFound$/),
      });
    expect(await testbed.routes(table)).toEqual({});
  });

  it('is carried out once that exists', async () => {
    const { network } = testbed;
    const { eni } = await testbed.newInstance();
    const there: readonly Partial<CreateRouteCommandInput>[] = [
      { GatewayId: network.internetGateway },
      { NatGatewayId: network.natGateway },
      { TransitGatewayId: network.transitGateway },
      { VpcPeeringConnectionId: network.peering },
      { NetworkInterfaceId: eni },
      { DestinationPrefixListId: network.prefixList, NatGatewayId: network.natGateway },
    ];
    for (const named of there) await create(await testbed.newTable(), named);
  });
});

it('a listed target that does not exist leaves the slot empty, and the corrected item fills it', async () => {
  const { network } = testbed;
  const table = await testbed.newTable();
  await testbed.desire(table, { '10.20.0.0/16': 'nat-0eeeeeeeeeeeeeeee' });
  const { failures } = await testbed.phase(table, 'Failed');
  expect(failures).toMatchObject([{ destination: '10.20.0.0/16', kind: 'not-ready' }]);
  await testbed.desire(table, { '10.20.0.0/16': network.natGateway });
  await testbed.has(table, { '10.20.0.0/16': network.natGateway });
});
