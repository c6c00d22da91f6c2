import {
  EC2Client,
  type EC2ClientConfig,
  type Filter,
  type NetworkInterface,
  paginateDescribeCarrierGateways,
  paginateDescribeEgressOnlyInternetGateways,
  paginateDescribeInstances,
  paginateDescribeInternetGateways,
  paginateDescribeLocalGatewayRouteTableVpcAssociations,
  paginateDescribeNatGateways,
  paginateDescribeNetworkInterfaces,
  paginateDescribeTransitGatewayVpcAttachments,
  paginateDescribeVpcEndpoints,
  paginateDescribeVpcPeeringConnections,
  DescribeVpnGatewaysCommand,
} from '@aws-sdk/client-ec2';
import type { Health } from '../../core/route/health.ts';
import { type Target, type TargetKind, targetText } from '../../core/route/route.ts';
import type { TargetHealth } from '../../ports.ts';
import { batches } from './batches.ts';

/** The targets of one kind to ask about. */
interface Question {
  readonly client: EC2Client;
  readonly vpcId: string;
  readonly ids: readonly string[];
}

/** Returns the ids of the targets that are alive. EC2 calls all other targets in the question dead. */
type Ask = (question: Question) => Promise<readonly (string | undefined)[]>;

/**
 * How to ask about each kind of target: the call, and the state in which the target can carry traffic of this VPC. Every
 * call filters by id, so that a target that does not exist is absent from the answer and fails no call.
 */
const asks: Readonly<Record<TargetKind, Ask | 'unaskable'>> = {
  'internet-gateway': async ({ client, vpcId, ids }) => {
    const filters = { Filters: [among('internet-gateway-id', ids)] };
    const gateways = await all(paginateDescribeInternetGateways({ client }, filters), (page) => page.InternetGateways);
    return gateways
      .filter(({ Attachments: attachments = [] }) =>
        attachments.some(({ VpcId, State }) => VpcId === vpcId && is(State, 'available')),
      )
      .map((gateway) => gateway.InternetGatewayId);
  },
  'virtual-private-gateway': async ({ client, vpcId, ids }) => {
    const answer = await client.send(new DescribeVpnGatewaysCommand({ Filters: [among('vpn-gateway-id', ids)] }));
    return listed(answer.VpnGateways)
      .filter(({ VpcAttachments: attachments = [] }) =>
        attachments.some(({ VpcId, State }) => VpcId === vpcId && is(State, 'attached')),
      )
      .map((gateway) => gateway.VpnGatewayId);
  },
  'nat-gateway': async ({ client, ids }) => {
    // This call names its filters `Filter`; all others name them `Filters`.
    const filters = { Filter: [among('nat-gateway-id', ids)] };
    const gateways = await all(paginateDescribeNatGateways({ client }, filters), (page) => page.NatGateways);
    return gateways.filter(({ State }) => is(State, 'available')).map((gateway) => gateway.NatGatewayId);
  },
  'carrier-gateway': async ({ client, ids }) => {
    const filters = { Filters: [among('carrier-gateway-id', ids)] };
    const gateways = await all(paginateDescribeCarrierGateways({ client }, filters), (page) => page.CarrierGateways);
    return gateways.filter(({ State }) => is(State, 'available')).map((gateway) => gateway.CarrierGatewayId);
  },
  'vpc-endpoint': async ({ client, ids }) => {
    const filters = { Filters: [among('vpc-endpoint-id', ids)] };
    const endpoints = await all(paginateDescribeVpcEndpoints({ client }, filters), (page) => page.VpcEndpoints);
    return endpoints.filter(({ State }) => is(State, 'available')).map((endpoint) => endpoint.VpcEndpointId);
  },
  'network-interface': async ({ client, ids }) => {
    const filters = { Filters: [among('network-interface-id', ids)] };
    const interfaces = await all(
      paginateDescribeNetworkInterfaces({ client }, filters),
      (page) => page.NetworkInterfaces,
    );
    const attached = interfaces.filter(({ Attachment }) => is(Attachment?.Status, 'attached'));
    const machines = new Set(attached.flatMap((found) => visibleInstance(found) ?? []));
    const running = new Set<string | undefined>();
    for (const some of batches([...machines]))
      for (const instance of await runningInstances(client, some)) running.add(instance);
    return attached
      .filter((found) => {
        const machine = visibleInstance(found);
        return machine === undefined || running.has(machine);
      })
      .map((found) => found.NetworkInterfaceId);
  },
  instance: ({ client, ids }) => runningInstances(client, ids),
  'vpc-peering-connection': async ({ client, ids }) => {
    const filters = { Filters: [among('vpc-peering-connection-id', ids)] };
    const peerings = await all(
      paginateDescribeVpcPeeringConnections({ client }, filters),
      (page) => page.VpcPeeringConnections,
    );
    return peerings.filter(({ Status }) => is(Status?.Code, 'active')).map((peering) => peering.VpcPeeringConnectionId);
  },
  'transit-gateway': async ({ client, vpcId, ids }) => {
    const filters = { Filters: [among('transit-gateway-id', ids), among('vpc-id', [vpcId])] };
    const attachments = await all(
      paginateDescribeTransitGatewayVpcAttachments({ client }, filters),
      (page) => page.TransitGatewayVpcAttachments,
    );
    return attachments
      .filter(({ VpcId, State }) => VpcId === vpcId && is(State, 'available'))
      .map((attachment) => attachment.TransitGatewayId);
  },
  'egress-only-internet-gateway': async ({ client, vpcId }) => {
    // This call filters by tag only, and an unknown id would fail it. An account has few of these gateways.
    const gateways = await all(
      paginateDescribeEgressOnlyInternetGateways({ client }, {}),
      (page) => page.EgressOnlyInternetGateways,
    );
    return gateways
      .filter(({ Attachments: attachments = [] }) =>
        attachments.some(({ VpcId, State }) => VpcId === vpcId && is(State, 'attached')),
      )
      .map((gateway) => gateway.EgressOnlyInternetGatewayId);
  },
  'local-gateway': async ({ client, vpcId, ids }) => {
    const filters = { Filters: [among('local-gateway-id', ids), among('vpc-id', [vpcId])] };
    const associations = await all(
      paginateDescribeLocalGatewayRouteTableVpcAssociations({ client }, filters),
      (page) => page.LocalGatewayRouteTableVpcAssociations,
    );
    return associations
      .filter(({ VpcId, State }) => VpcId === vpcId && is(State, 'associated'))
      .map((association) => association.LocalGatewayId);
  },
  // These belong to other services than EC2.
  'core-network': 'unaskable',
  'odb-network': 'unaskable',
};

/**
 * Asks EC2 which targets can carry traffic: one Describe for each kind of target and 200 ids, two for interfaces.
 *
 * A call is retried once: changes may rest on the read of a table for 10 s only. A call that fails in the end leaves its
 * targets out of the answer and is reported in `failures`.
 */
export function ec2TargetHealth(config: EC2ClientConfig = {}): TargetHealth {
  const requestHandler = { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true };
  const client = new EC2Client({ ...config, retryMode: 'standard', maxAttempts: 2, requestHandler });

  return async (vpcId, targets) => {
    const health = new Map<string, Health>();
    const failures: unknown[] = [];
    const answer = async (ids: readonly string[], ask: Ask): Promise<void> => {
      try {
        const alive = new Set(await ask({ client, vpcId, ids }));
        for (const id of ids) health.set(id, alive.has(id) ? 'alive' : 'dead');
      } catch (error) {
        failures.push(error);
      }
    };
    await Promise.all(
      [...idsByKind(targets)].flatMap(([kind, ids]) => {
        const ask = asks[kind];
        if (ask !== 'unaskable') return batches([...ids]).map((some) => answer(some, ask));
        for (const id of ids) health.set(id, 'unaskable');
        return [];
      }),
    );
    return { health, failures };
  };
}

/** The targets to ask about. Local routes always work, so nobody asks about `local`. */
function idsByKind(targets: readonly Target[]): ReadonlyMap<TargetKind, ReadonlySet<string>> {
  const ids = new Map<TargetKind, Set<string>>();
  for (const target of targets) {
    if (target.kind === 'local') continue;
    const known = ids.get(target.kind) ?? new Set();
    ids.set(target.kind, known.add(targetText(target)));
  }
  return ids;
}

async function runningInstances(client: EC2Client, ids: readonly string[]): Promise<(string | undefined)[]> {
  const filters = { Filters: [among('instance-id', ids)] };
  const reservations = await all(paginateDescribeInstances({ client }, filters), (page) => page.Reservations);
  return reservations
    .flatMap(({ Instances: instances = [] }) => instances)
    .filter(({ State }) => is(State?.Name, 'running'))
    .map((instance) => instance.InstanceId);
}

/**
 * The instance behind an interface, if we can ask about it. EC2 does not show the instances of other accounts: such an
 * interface is judged by its attachment alone.
 */
const visibleInstance = ({ OwnerId, Attachment }: NetworkInterface): string | undefined =>
  Attachment?.InstanceOwnerId === undefined || Attachment.InstanceOwnerId === OwnerId
    ? Attachment?.InstanceId
    : undefined;

/** Collects one member of every page. */
async function all<Page, T>(pages: AsyncIterable<Page>, member: (page: Page) => T[] | undefined): Promise<T[]> {
  const found: T[] = [];
  for await (const page of pages) found.push(...listed(member(page)));
  return found;
}

/** A list in an answer. An answer without the list is a failed read, not an empty one: nothing is dead because of it. */
function listed<T>(items: T[] | undefined): T[] {
  if (!items) throw new TypeError('EC2 answered a Describe call without the list that it asks for');
  return items;
}

const among = (name: string, values: readonly string[]): Filter => ({ Name: name, Values: [...values] });

/** Whether a state is this one. EC2 spells the states of endpoints in either case. */
const is = (state: string | undefined, wanted: string): boolean => state?.toLowerCase() === wanted;
