import type { Route, RouteTable } from '@aws-sdk/client-ec2';
import { expect } from 'vitest';
import type { RouteCalls } from '../ec2/in-memory-ec2.ts';

/** A VPC with block 10.0.0.0/16, a subnet 10.0.1.0/24, a table with nothing but its local route, and what routes need. */
export interface Stage {
  readonly table: string;
  readonly igw: string;
  readonly vgw: string;
  readonly nat: string;
  /** Attached to `instance`, which has no other. */
  readonly eni: string;
  readonly loneEni: string;
  readonly instance: string;
  readonly instanceWithTwoInterfaces: string;
  readonly pcx: string;
  readonly otherPcx: string;
  readonly tgw: string;
  readonly eigw: string;
  /** An endpoint of S3: no route can go through it. */
  readonly gatewayEndpoint: string;
  readonly prefixList: string;
  readonly deleteNat: () => Promise<void>;
  /** More tables in the same VPC. */
  readonly moreTables: (count: number) => Promise<readonly string[]>;
}

/** EC2, whoever plays it: the caller's calls, and a fresh stage for each test. */
export interface Ec2UnderTest {
  readonly calls: RouteCalls;
  readonly stage: () => Promise<Stage>;
}

/** A stage, and what is seen of it. */
export interface Scene extends Stage {
  readonly calls: RouteCalls;
  /** The table as EC2 describes it now. */
  readonly describe: () => Promise<RouteTable>;
  /** Its routes but for local ones, as pairs of what EC2 shows. */
  readonly routes: () => Promise<readonly Route[]>;
}

/** One thing that EC2 promises, and a play that shows it. */
export interface Case {
  readonly promise: string;
  readonly play: (scene: Scene) => Promise<void>;
  /** Given where moto is known to behave in another way than EC2, and how. */
  readonly motoDeviates?: string;
}

export const promise = (promise: string, play: Case['play'], motoDeviates?: string): Case => ({
  promise,
  play,
  ...(motoDeviates !== undefined && { motoDeviates }),
});

export const cidr = 'DestinationCidrBlock';
export const ipv6 = 'DestinationIpv6CidrBlock';

/** A call that is refused with this code, and a message with this in it. */
export const refusal = (name: string, message = ''): unknown =>
  expect.objectContaining({ name, message: expect.stringContaining(message) });
