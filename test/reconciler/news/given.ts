import { sweep } from '../../../reconciler/sweep.ts';
import { routeTableId } from '../../support/builders.ts';
import type { CallGiven, InMemoryWorld } from '../../support/in-memory-world.ts';

export const second = 1_000;
export const minute = 60 * second;
export const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
export const rogue = '10.99.0.0/16';
export const alice = { arn: 'arn:aws:iam::111122223333:user/alice', sourceIp: '192.0.2.1' };

export const hijack = (world: InMemoryWorld, id = 'event-1'): CallGiven & { readonly time: string } => {
  world.ec2.scenery.route(routeTableId, '10.20.0.0/16', 'tgw-aaaaaaaa');
  return {
    id,
    name: 'ReplaceRoute',
    time: world.now().toISOString(),
    actor: alice,
    destination: '10.20.0.0/16',
    target: 'tgw-aaaaaaaa',
  };
};

export const sweepNow = (world: InMemoryWorld) => sweep(world, world.invocation());

/** Adds `count` routes through another account's interface. Their deletes wait for a person. */
export const othersRoutes = ({ ec2: { scenery } }: InMemoryWorld, count: number): void => {
  scenery.foreignInterface('eni-ffffffff');
  for (let index = 0; index < count; index++) scenery.route(routeTableId, `10.99.${index}.0/24`, 'eni-ffffffff');
};
