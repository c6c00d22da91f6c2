import { describeContract } from '../../../support/ec2-contract/contract.ts';
import { VirtualClock } from '../../../support/ec2/clock.ts';
import { InMemoryEc2 } from '../../../support/ec2/in-memory-ec2.ts';
import { inMemoryTargetHealth } from '../../../support/ec2/target-health.ts';
import { now } from '../../../support/builders.ts';

// The same suite runs against moto, with the local stack.
describeContract(
  'EC2 in memory',
  async () => {
    const ec2 = new InMemoryEc2({ clock: new VirtualClock(now) });
    const { scenery } = ec2;
    return {
      calls: ec2.as('alice'),
      targetHealth: inMemoryTargetHealth(ec2),
      stage: async () => {
        scenery.vpc('vpc-aaaaaaaa', { blocks: ['10.0.0.0/16'], subnets: ['10.0.1.0/24'] });
        scenery.table('rtb-aaaaaaaa');
        for (const id of ['igw', 'vgw', 'nat', 'pcx', 'tgw', 'eigw']) scenery.target(`${id}-aaaaaaaa`);
        scenery.target('pcx-bbbbbbbb');
        scenery.target('i-aaaaaaaa');
        scenery.target('i-bbbbbbbb', { interfaces: ['eni-bbbbbbbb', 'eni-cccccccc'] });
        scenery.interface('eni-dddddddd');
        scenery.target('vpce-aaaaaaaa', { loadBalancer: false });
        scenery.prefixList('pl-aaaaaaaa');
        const setRunning = (running: boolean) => async (): Promise<void> =>
          scenery.target('i-aaaaaaaa', { running, interfaces: ['eni-aaaaaaaa'] });
        return {
          vpc: 'vpc-aaaaaaaa',
          table: 'rtb-aaaaaaaa',
          igw: 'igw-aaaaaaaa',
          vgw: 'vgw-aaaaaaaa',
          nat: 'nat-aaaaaaaa',
          eni: 'eni-aaaaaaaa',
          loneEni: 'eni-dddddddd',
          instance: 'i-aaaaaaaa',
          instanceWithTwoInterfaces: 'i-bbbbbbbb',
          pcx: 'pcx-aaaaaaaa',
          otherPcx: 'pcx-bbbbbbbb',
          tgw: 'tgw-aaaaaaaa',
          eigw: 'eigw-aaaaaaaa',
          gatewayEndpoint: 'vpce-aaaaaaaa',
          prefixList: 'pl-aaaaaaaa',
          stopInstance: setRunning(false),
          startInstance: setRunning(true),
          deleteNat: async () => scenery.vanish('nat-aaaaaaaa'),
          moreTables: async (count) => {
            const ids = Array.from({ length: count }, (_, index) => `rtb-0000000${index}`);
            for (const id of ids) scenery.table(id);
            return ids;
          },
        };
      },
    };
  },
  'ec2',
);
