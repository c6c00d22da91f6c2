import type { Cloud } from '../cloud.ts';
import type { Random } from '../random.ts';

// The small world in which everything happens. Pools are small, so that deeds often concern the same routes.

export const second = 1_000;
export const vpc = 'vpc-aaaaaaaa';

export const ipv4 = ['10.20.0.0/16', '10.20.5.0/24', '10.21.0.0/16', '172.16.0.0/12', '192.168.7.0/24', '10.0.1.0/24'];
export const ipv6 = ['2001:db8:1::/48', '2001:db8:2::/48'];
export const destinations = [...ipv4, ...ipv6, '203.0.113.0/24', '0.0.0.0/0', '::/0', 'pl-aaaaaaaa'];

/** Targets that EC2 accepts. */
export const targets = [
  'igw-aaaaaaaa',
  'nat-aaaaaaaa',
  'nat-bbbbbbbb',
  'pcx-aaaaaaaa',
  'pcx-bbbbbbbb',
  'tgw-aaaaaaaa',
  'eni-aaaaaaaa',
];

/** Gateways that may die, and come back. */
export const mortal = targets.filter((id) => !id.startsWith('eni'));

/** Targets that EC2 may reject until the end. */
export const refusable = ['tgw-dddddddd', 'pcx-dddddddd', 'vpce-dddddddd'];

/** A gateway whose attachment comes up late. */
export const pending = 'tgw-cccccccc';

/** Targets that nobody has attached or accepted when an item lists them at rest. */
export const lateTargets = ['tgw-eeeeeeee', 'igw-eeeeeeee', 'pcx-eeeeeeee'];

/** How EC2 rejects a target that is not attached yet. */
export const notAttached = { code: 'InvalidTransitGatewayID.NotFound' } as const;

const allRefusals = [
  notAttached,
  { code: 'InvalidVpcPeeringConnectionID.NotFound' },
  { code: 'RouteNotSupported' },
  { code: 'IncorrectState' },
  { code: 'SomethingNewIsWrong' },
] as const;

/** Other spellings of the same destinations. */
export const spellings: Readonly<Record<string, readonly string[]>> = {
  '10.20.0.0/16': ['10.20.0.7/16'],
  '2001:db8:1::/48': ['2001:DB8:1::/48', '2001:db8:1:0::/48'],
};

/** Creates the VPC and all targets, and lets EC2 reject some targets. */
export function setStage({ ec2: { scenery }, faults, refusals }: Cloud, random: Random): void {
  scenery.vpc(vpc, { blocks: ['10.0.0.0/16', '2001:db8::/56'], subnets: ['10.0.1.0/24'] });
  for (const target of [...targets, ...refusable, pending].filter((id) => !id.startsWith('eni')))
    scenery.target(target);
  scenery.target('i-aaaaaaaa');
  scenery.target('eigw-aaaaaaaa');
  scenery.prefixList('pl-aaaaaaaa');
  for (const target of refusable)
    if (faults.strikes('target refused for ever')) refusals.set(target, random.pick(allRefusals));
}
