import type { Route, RouteTable } from '@aws-sdk/client-ec2';
import { expect } from 'vitest';
import type { TargetHealth } from '../../../reconciler/ports.ts';
import type { RouteCalls } from '../ec2/in-memory-ec2.ts';

/** A VPC with block 10.0.0.0/16, a subnet 10.0.1.0/24, a table with only its local route, and targets for routes. */
export interface Stage {
  readonly vpc: string;
  readonly table: string;
  readonly igw: string;
  readonly vgw: string;
  readonly nat: string;
  /** The only interface of `instance`. */
  readonly eni: string;
  readonly loneEni: string;
  readonly instance: string;
  readonly instanceWithTwoInterfaces: string;
  readonly pcx: string;
  readonly otherPcx: string;
  readonly tgw: string;
  readonly eigw: string;
  /** A gateway endpoint for S3. It cannot be the target of a route. */
  readonly gatewayEndpoint: string;
  readonly prefixList: string;
  readonly deleteNat: () => Promise<void>;
  /** Stops `instance`. Tests share it, so whoever stops it starts it again. */
  readonly stopInstance: () => Promise<void>;
  readonly startInstance: () => Promise<void>;
  /** Creates more tables in the same VPC. */
  readonly moreTables: (count: number) => Promise<readonly string[]>;
}

/** An implementation of EC2: the caller's calls, and a fresh stage for each test. */
export interface Ec2UnderTest {
  readonly calls: Omit<RouteCalls, 'describeTargets'>;
  readonly targetHealth: TargetHealth;
  readonly stage: () => Promise<Stage>;
}

/** A stage and its reads. */
export interface Scene extends Stage, Pick<Ec2UnderTest, 'calls' | 'targetHealth'> {
  /** The table as EC2 describes it now. */
  readonly describe: () => Promise<RouteTable>;
  /** The table's routes as EC2 shows them, without local ones. */
  readonly routes: () => Promise<readonly Route[]>;
}

/** One promise of EC2, and a test of it. */
export interface Case {
  readonly promise: string;
  readonly play: (scene: Scene) => Promise<void>;
  /** How moto is known to deviate from EC2 here, if it does. */
  readonly motoDeviates?: string;
}

export const promise = (promise: string, play: Case['play'], motoDeviates?: string): Case => ({
  promise,
  play,
  ...(motoDeviates !== undefined && { motoDeviates }),
});

export const cidr = 'DestinationCidrBlock';
export const ipv6 = 'DestinationIpv6CidrBlock';

/** Matches an error with this code and a message that contains this text. */
export const refusal = (name: string, message = ''): unknown =>
  expect.objectContaining({ name, message: expect.stringContaining(message) });
