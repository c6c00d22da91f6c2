import {
  AcceptVpcPeeringConnectionCommand,
  AttachInternetGatewayCommand,
  CreateEgressOnlyInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateManagedPrefixListCommand,
  CreateNatGatewayCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateTransitGatewayCommand,
  CreateTransitGatewayVpcAttachmentCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import type { ClientConfig } from './client-config.ts';

/** A small network for demos and tests: a VPC with a private and a public route table, and targets for routes. */
export interface Scenery {
  readonly vpc: string;
  readonly subnet: string;
  readonly privateTable: string;
  readonly publicTable: string;
  readonly internetGateway: string;
  readonly egressOnlyGateway: string;
  readonly natGateway: string;
  readonly transitGateway: string;
  /** `peering` leads to a partner's VPC, `otherPeering` to one for backups. */
  readonly peering: string;
  readonly otherPeering: string;
  readonly prefixList: string;
}

/** Builds the network in EC2. Its tables contain only local routes. */
export async function buildScenery(config: ClientConfig): Promise<Scenery> {
  const ec2 = new EC2Client(config);
  const made = (id: string | undefined): string => {
    if (id === undefined) throw new Error('EC2 created a resource but returned no id');
    return id;
  };
  const vpcOf = async (CidrBlock: string): Promise<string> =>
    made((await ec2.send(new CreateVpcCommand({ CidrBlock }))).Vpc?.VpcId);
  const tableOf = async (VpcId: string): Promise<string> =>
    made((await ec2.send(new CreateRouteTableCommand({ VpcId }))).RouteTable?.RouteTableId);
  const peeringOf = async (VpcId: string, PeerVpcId: string): Promise<string> => {
    const { VpcPeeringConnection } = await ec2.send(new CreateVpcPeeringConnectionCommand({ VpcId, PeerVpcId }));
    const VpcPeeringConnectionId = made(VpcPeeringConnection?.VpcPeeringConnectionId);
    await ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    return VpcPeeringConnectionId;
  };

  const [vpc, partner, backup] = [
    await vpcOf('10.0.0.0/16'),
    await vpcOf('10.20.0.0/16'),
    await vpcOf('10.30.0.0/16'),
  ] as const;
  const subnet = await ec2.send(new CreateSubnetCommand({ VpcId: vpc, CidrBlock: '10.0.1.0/24' }));
  const internetGateway = made(
    (await ec2.send(new CreateInternetGatewayCommand({}))).InternetGateway?.InternetGatewayId,
  );
  await ec2.send(new AttachInternetGatewayCommand({ VpcId: vpc, InternetGatewayId: internetGateway }));
  const egressOnly = await ec2.send(new CreateEgressOnlyInternetGatewayCommand({ VpcId: vpc }));
  const nat = await ec2.send(
    new CreateNatGatewayCommand({ SubnetId: made(subnet.Subnet?.SubnetId), ConnectivityType: 'private' }),
  );
  const transitGateway = made((await ec2.send(new CreateTransitGatewayCommand({}))).TransitGateway?.TransitGatewayId);
  await ec2.send(
    new CreateTransitGatewayVpcAttachmentCommand({
      TransitGatewayId: transitGateway,
      VpcId: vpc,
      SubnetIds: [made(subnet.Subnet?.SubnetId)],
    }),
  );
  const branches = await ec2.send(
    new CreateManagedPrefixListCommand({
      PrefixListName: 'branch-offices',
      AddressFamily: 'IPv4',
      MaxEntries: 10,
      Entries: [{ Cidr: '10.112.0.0/16' }],
    }),
  );
  return {
    vpc,
    subnet: made(subnet.Subnet?.SubnetId),
    privateTable: await tableOf(vpc),
    publicTable: await tableOf(vpc),
    internetGateway,
    egressOnlyGateway: made(egressOnly.EgressOnlyInternetGateway?.EgressOnlyInternetGatewayId),
    natGateway: made(nat.NatGateway?.NatGatewayId),
    transitGateway,
    peering: await peeringOf(vpc, partner),
    otherPeering: await peeringOf(vpc, backup),
    prefixList: made(branches.PrefixList?.PrefixListId),
  };
}
