import { expect } from 'vitest';
import { type Target, parseTarget } from '../../../reconciler/core/route/route.ts';
import { type Case, promise } from './stage.ts';

function target(id: string): Target {
  const parsed = parseTarget(id);
  if (!parsed.ok) throw new TypeError(`${id} is not a target: expected ${parsed.expected}`);
  return parsed.value;
}

/** Targets of the stage that are alive. */
const living = ['igw', 'vgw', 'nat', 'eni', 'instance', 'pcx', 'tgw', 'eigw', 'gatewayEndpoint'] as const;

const ofNobody = {
  igw: 'igw-00000000000000000',
  nat: 'nat-00000000000000000',
  eni: 'eni-00000000000000000',
  i: 'i-00000000000000000',
  pcx: 'pcx-00000000000000000',
  tgw: 'tgw-00000000000000000',
  eigw: 'eigw-00000000000000000',
  vpce: 'vpce-00000000000000000',
  lgw: 'lgw-00000000000000000',
} as const;

/** What EC2 says about targets, as the reconciler's adapter understands it. */
export const health: readonly Case[] = [
  ...living.map((name) =>
    promise(`calls ${name} alive in the VPC that it serves`, async (scene) => {
      const answer = await scene.targetHealth(scene.vpc, [target(scene[name])]);
      expect(answer).toEqual({ health: new Map([[scene[name], 'alive']]), failures: [] });
    }),
  ),
  promise('calls a gateway of another VPC dead', async ({ targetHealth, igw, vgw, tgw, eigw }) => {
    const answer = await targetHealth('vpc-00000000', [igw, vgw, tgw, eigw].map(target));
    expect([...answer.health.values()]).toEqual(['dead', 'dead', 'dead', 'dead']);
  }),
  promise('calls an interface dead that is attached to nothing', async ({ targetHealth, vpc, loneEni }) => {
    expect((await targetHealth(vpc, [target(loneEni)])).health.get(loneEni)).toBe('dead');
  }),
  promise('calls a NAT gateway dead once it is deleted', async ({ targetHealth, vpc, nat, deleteNat }) => {
    await deleteNat();
    expect((await targetHealth(vpc, [target(nat)])).health.get(nat)).toBe('dead');
  }),
  promise('calls an instance and its interface dead while it is stopped', async (scene) => {
    const { targetHealth, vpc, instance, eni } = scene;
    await scene.stopInstance();
    const { health: answer } = await targetHealth(vpc, [target(instance), target(eni)]);
    await scene.startInstance();
    expect([answer.get(instance), answer.get(eni)]).toEqual(['dead', 'dead']);
  }),
  promise('calls targets dead that do not exist, and fails for none of them', async ({ targetHealth, vpc }) => {
    const ids = Object.values(ofNobody);
    const answer = await targetHealth(vpc, ids.map(target));
    expect(answer).toEqual({ health: new Map(ids.map((id) => [id, 'dead'])), failures: [] });
  }),
  promise('cannot be asked about core networks', async ({ targetHealth, vpc }) => {
    const arn = 'arn:aws:networkmanager::111122223333:core-network/core-network-0a1b2c3d';
    expect((await targetHealth(vpc, [target(arn)])).health.get(arn)).toBe('unaskable');
  }),
];
