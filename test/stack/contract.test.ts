import {
  AcceptVpcPeeringConnectionCommand,
  AttachInternetGatewayCommand,
  AttachNetworkInterfaceCommand,
  AttachVpnGatewayCommand,
  CreateEgressOnlyInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateManagedPrefixListCommand,
  CreateNatGatewayCommand,
  CreateNetworkInterfaceCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateTransitGatewayCommand,
  CreateTransitGatewayVpcAttachmentCommand,
  CreateVpcCommand,
  CreateVpcEndpointCommand,
  CreateVpcPeeringConnectionCommand,
  CreateVpnGatewayCommand,
  DeleteNatGatewayCommand,
  DeleteRouteCommand,
  DescribeInstancesCommand,
  DescribeRouteTablesCommand,
  EC2Client,
  ReplaceRouteCommand,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';

import { ec2TargetHealth } from '../../reconciler/aws/ec2/target-health.ts';
import { connect } from '../../local/stack.ts';
import { describeContract } from '../support/ec2-contract/contract.ts';
import type { Stage } from '../support/ec2-contract/stage.ts';
import { localStack } from './support/local-stack.ts';

// Bypasses the relay, which corrects some of moto's deviations from EC2.
const ec2 = new EC2Client({ ...connect(localStack()).moto, maxAttempts: 1 });

type Shared = Omit<Stage, 'table' | 'nat' | 'deleteNat' | 'moreTables' | 'stopInstance' | 'startInstance'> & {
  readonly subnet: string;
};

let shared: Promise<Shared> | undefined;

describeContract(
  'EC2 as emulated by moto',
  async () => ({
    calls: {
      createRoute: (input) => ec2.send(new CreateRouteCommand(input)),
      replaceRoute: (input) => ec2.send(new ReplaceRouteCommand(input)),
      deleteRoute: (input) => ec2.send(new DeleteRouteCommand(input)),
      describeRouteTables: (input) => ec2.send(new DescribeRouteTablesCommand(input)),
    },
    // Through the relay: moto lacks some of these reads.
    targetHealth: ec2TargetHealth(connect(localStack()).ec2()),
    stage: async () => {
      shared ??= build();
      const { subnet, ...targets } = await shared;
      const { vpc, instance } = targets;
      const nat = await createNat(subnet);
      return {
        ...targets,
        table: await createTable(vpc),
        nat,
        stopInstance: async () => void (await ec2.send(new StopInstancesCommand({ InstanceIds: [instance] }))),
        startInstance: async () => void (await ec2.send(new StartInstancesCommand({ InstanceIds: [instance] }))),
        deleteNat: async () => void (await ec2.send(new DeleteNatGatewayCommand({ NatGatewayId: nat }))),
        moreTables: (count) => Promise.all(Array.from({ length: count }, () => createTable(vpc))),
      };
    },
  }),
  'moto',
);

/** Builds what all tests share. No test changes it. */
async function build(): Promise<Shared> {
  const vpc = await createVpc('10.0.0.0/16');
  const { Subnet } = await ec2.send(new CreateSubnetCommand({ VpcId: vpc, CidrBlock: '10.0.1.0/24' }));
  const subnet = there(Subnet?.SubnetId);
  const instance = await runInstance(subnet);
  const instanceWithTwoInterfaces = await runInstance(subnet);
  await ec2.send(
    new AttachNetworkInterfaceCommand({
      NetworkInterfaceId: await createInterface(subnet),
      InstanceId: instanceWithTwoInterfaces,
      DeviceIndex: 1,
    }),
  );
  return {
    vpc,
    subnet,
    instance,
    instanceWithTwoInterfaces,
    eni: await interfaceOf(instance),
    loneEni: await createInterface(subnet),
    igw: await createInternetGateway(vpc),
    vgw: await createVpnGateway(vpc),
    pcx: await createPeering(vpc, '10.20.0.0/16'),
    otherPcx: await createPeering(vpc, '10.21.0.0/16'),
    tgw: await createTransitGateway(vpc, subnet),
    eigw: await createEgressOnlyGateway(vpc),
    gatewayEndpoint: await createGatewayEndpoint(vpc),
    prefixList: await createPrefixList(),
  };
}

async function createVpc(CidrBlock: string): Promise<string> {
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock }));
  return there(Vpc?.VpcId);
}

async function createTable(VpcId: string): Promise<string> {
  const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId }));
  return there(RouteTable?.RouteTableId);
}

async function createNat(SubnetId: string): Promise<string> {
  const { NatGateway } = await ec2.send(new CreateNatGatewayCommand({ SubnetId, ConnectivityType: 'private' }));
  return there(NatGateway?.NatGatewayId);
}

async function createInterface(SubnetId: string): Promise<string> {
  const { NetworkInterface } = await ec2.send(new CreateNetworkInterfaceCommand({ SubnetId }));
  return there(NetworkInterface?.NetworkInterfaceId);
}

async function runInstance(SubnetId: string): Promise<string> {
  const { Instances } = await ec2.send(
    new RunInstancesCommand({ SubnetId, ImageId: 'ami-12c6146b', MinCount: 1, MaxCount: 1 }),
  );
  return there(Instances?.[0]?.InstanceId);
}

async function interfaceOf(instance: string): Promise<string> {
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instance] }));
  return there(Reservations?.[0]?.Instances?.[0]?.NetworkInterfaces?.[0]?.NetworkInterfaceId);
}

async function createInternetGateway(VpcId: string): Promise<string> {
  const { InternetGateway } = await ec2.send(new CreateInternetGatewayCommand());
  const InternetGatewayId = there(InternetGateway?.InternetGatewayId);
  await ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId, VpcId }));
  return InternetGatewayId;
}

async function createVpnGateway(VpcId: string): Promise<string> {
  const { VpnGateway } = await ec2.send(new CreateVpnGatewayCommand({ Type: 'ipsec.1' }));
  const VpnGatewayId = there(VpnGateway?.VpnGatewayId);
  await ec2.send(new AttachVpnGatewayCommand({ VpnGatewayId, VpcId }));
  return VpnGatewayId;
}

async function createPeering(VpcId: string, peerBlock: string): Promise<string> {
  const { VpcPeeringConnection } = await ec2.send(
    new CreateVpcPeeringConnectionCommand({ VpcId, PeerVpcId: await createVpc(peerBlock) }),
  );
  const VpcPeeringConnectionId = there(VpcPeeringConnection?.VpcPeeringConnectionId);
  await ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
  return VpcPeeringConnectionId;
}

async function createTransitGateway(VpcId: string, subnet: string): Promise<string> {
  const { TransitGateway } = await ec2.send(new CreateTransitGatewayCommand());
  const TransitGatewayId = there(TransitGateway?.TransitGatewayId);
  await ec2.send(new CreateTransitGatewayVpcAttachmentCommand({ TransitGatewayId, VpcId, SubnetIds: [subnet] }));
  return TransitGatewayId;
}

async function createEgressOnlyGateway(VpcId: string): Promise<string> {
  const { EgressOnlyInternetGateway: gateway } = await ec2.send(new CreateEgressOnlyInternetGatewayCommand({ VpcId }));
  return there(gateway?.EgressOnlyInternetGatewayId);
}

async function createGatewayEndpoint(VpcId: string): Promise<string> {
  const { region } = localStack();
  const { VpcEndpoint } = await ec2.send(
    new CreateVpcEndpointCommand({ VpcId, ServiceName: `com.amazonaws.${region}.s3`, VpcEndpointType: 'Gateway' }),
  );
  return there(VpcEndpoint?.VpcEndpointId);
}

async function createPrefixList(): Promise<string> {
  const { PrefixList } = await ec2.send(
    new CreateManagedPrefixListCommand({ PrefixListName: 'branches', MaxEntries: 5, AddressFamily: 'IPv4' }),
  );
  return there(PrefixList?.PrefixListId);
}

function there(id: string | undefined): string {
  if (id === undefined) throw new TypeError('EC2 created a resource but returned no id');
  return id;
}
