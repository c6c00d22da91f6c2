import { AssociateRouteTableCommand, CreateSubnetCommand, DescribeRouteTablesCommand } from '@aws-sdk/client-ec2';
import { beforeAll, describe, expect, it } from 'vitest';
import { environmentFor } from '../../../local/stack.ts';
import { type Ended, routectl } from '../../support/routectl.ts';
import { replaceRoute } from '../support/route-calls.ts';
import { Testbed } from '../support/testbed.ts';
import { localStack } from '../support/local-stack.ts';

// Where packets go, as a person on call asks.

const env = environmentFor(localStack());
let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

const trace = (from: string, address: string): Promise<Ended> => routectl(['trace', from, address], { env });

/** The lines of an answer that are about paths, as words. */
const lines = ({ stdout }: Ended): string[] =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('  '))
    .map((line) => line.trim().replace(/ {2,}/g, ' '));

describe('routectl trace', () => {
  it('names who moved a route and when, and where the next reconcile moves it: nowhere while it is held', async () => {
    const { peering, transitGateway } = testbed.network;
    const table = await testbed.tableInSync({ '10.20.0.0/16': peering }, { mode: 'observe' });
    expect(await trace(table, '10.20.3.4')).toMatchObject({ code: 0, stdout: expect.stringContaining('the same') });
    await testbed.alice.send(replaceRoute(table, '10.20.0.0/16', transitGateway));
    await testbed.phase(table, 'Drifted');
    const answer = await trace(table, '10.20.3.4');
    expect({ code: answer.code, lines: lines(answer) }).toEqual({
      code: 2,
      lines: [
        `now ${transitGateway} by 10.20.0.0/16, static`,
        expect.stringMatching(/^since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, ReplaceRoute by alice$/),
        `after ${peering} by 10.20.0.0/16, static [the desired item]`,
      ],
    });
    // The next reconcile works under orders, and so does its plan here.
    await routectl(['hold', table, '10.20.0.0/16', '--for', '1h'], { env });
    const held = await trace(table, '10.20.3.4');
    expect({ code: held.code, lines: lines(held) }).toMatchObject({
      code: 0,
      lines: { 2: 'after the same [the desired item]' },
    });
  });

  it('says that the reconciler put a route back, and who had changed it', async () => {
    const { peering, transitGateway } = testbed.network;
    const table = await testbed.tableInSync({ '10.20.0.0/16': peering });
    await testbed.alice.send(replaceRoute(table, '10.20.0.0/16', transitGateway));
    await testbed.outcomes(table, 1);
    await testbed.has(table, { '10.20.0.0/16': peering });
    const answer = await trace(table, '10.20.3.4');
    expect({ code: answer.code, lines: lines(answer) }).toEqual({
      code: 0,
      lines: [
        `now ${peering} by 10.20.0.0/16, static`,
        expect.stringMatching(/^since .* UTC, written by the reconciler, after alice had changed it$/),
        'after the same [the desired item]',
      ],
    });
  });

  it('follows a subnet to its main table, then to the table that is associated with it', async () => {
    const { vpc, natGateway } = testbed.network;
    const made = await testbed.alice.send(new CreateSubnetCommand({ VpcId: vpc, CidrBlock: '10.0.77.0/24' }));
    const subnet = String(made.Subnet?.SubnetId);
    const { RouteTables: [main] = [] } = await testbed.alice.send(
      new DescribeRouteTablesCommand({
        Filters: [
          { Name: 'vpc-id', Values: [vpc] },
          { Name: 'association.main', Values: ['true'] },
        ],
      }),
    );
    expect(main?.RouteTableId).toMatch(/^rtb-/);
    expect((await trace(subnet, '10.0.1.1')).stdout).toContain(
      `from ${main?.RouteTableId}  ${vpc}  main table of the VPC, serves ${subnet}\n`,
    );
    const RouteTableId = await testbed.newTable({ '0.0.0.0/0': natGateway });
    await testbed.alice.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId: subnet }));
    const answer = await trace(subnet, '8.8.8.8');
    expect(answer.stdout).toContain(`from ${RouteTableId}  ${vpc}  associated with ${subnet}\n`);
    expect(lines(answer)[0]).toBe(`now ${natGateway} by 0.0.0.0/0, static`);
    expect(await trace('subnet-0f0f0f0f0f0f0f0f0', '8.8.8.8')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        '\nroutectl: subnet-0f0f0f0f0f0f0f0f0: no such subnet in this account and Region\n',
      ),
    });
  });

  it('reads the entries of a prefix list', async () => {
    const { prefixList, transitGateway, natGateway } = testbed.network;
    const table = await testbed.newTable({ [prefixList]: transitGateway, '0.0.0.0/0': natGateway });
    expect(lines(await trace(table, '10.112.3.4'))[0]).toBe(
      `now ${transitGateway} by 10.112.0.0/16 in prefix list ${prefixList}`,
    );
    expect(lines(await trace(table, '8.8.8.8'))[0]).toBe(`now ${natGateway} by 0.0.0.0/0, static`);
  });
});
