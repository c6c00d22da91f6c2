import type { Route, RouteTable } from '@aws-sdk/client-ec2';
import { describe, it } from 'vitest';
import { changes } from './changes.ts';
import { health } from './health.ts';
import { reads } from './reads.ts';
import { refusals } from './refusals.ts';
import { shown } from './shown.ts';
import type { Ec2UnderTest, Scene } from './stage.ts';

/** Runs every case against an EC2. A case from which moto deviates must fail there, so that a fixed moto is noticed. */
export function describeContract(name: string, ec2: () => Promise<Ec2UnderTest>, player: 'ec2' | 'moto'): void {
  describe(name, () => {
    for (const { promise, play, motoDeviates } of [...shown, ...changes, ...refusals, ...reads, ...health]) {
      const deviates = player === 'moto' && motoDeviates !== undefined;
      const title = deviates ? `moto deviates (${motoDeviates}): ${promise}` : promise;
      (deviates ? it.fails : it)(title, async () => play(await setScene(await ec2())));
    }
  });
}

async function setScene({ calls, targetHealth, stage }: Ec2UnderTest): Promise<Scene> {
  const staged = await stage();
  const describe = async (): Promise<RouteTable> => {
    const { RouteTables: [table] = [] } = await calls.describeRouteTables({ RouteTableIds: [staged.table] });
    if (!table) throw new Error(`${staged.table} is gone`);
    return table;
  };
  const routes = async (): Promise<readonly Route[]> =>
    ((await describe()).Routes ?? []).filter(({ GatewayId }) => GatewayId !== 'local');
  return { ...staged, calls, targetHealth, describe, routes };
}
