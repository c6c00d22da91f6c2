import { StartInstancesCommand, StopInstancesCommand } from '@aws-sdk/client-ec2';
import { beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { replaceRoute } from '../support/route-calls.ts';
import { Testbed } from '../support/testbed.ts';

let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

it('a route that an HA tool moved from a dead instance stays, and moves back when the instance was alive for 5 minutes', async () => {
  const { alice, bob, network } = testbed;
  const { instance, eni } = await testbed.newInstance();
  const listed = { '10.20.0.0/16': eni };
  const rescued = { '10.20.0.0/16': network.natGateway };
  const table = await testbed.tableInSync(listed);

  await alice.send(new StopInstancesCommand({ InstanceIds: [instance] }));
  await bob.send(replaceRoute(table, '10.20.0.0/16', network.natGateway));

  const { plan } = await testbed.phase(table, 'Degraded');
  expect(plan?.findings).toMatchObject([{ code: 'target-down', destination: '10.20.0.0/16', target: eni }]);
  await eventually(async () => expect((await testbed.status(table))?.reason).toContain('user/bob'));
  await testbed.wake(table);
  expect(await testbed.routes(table)).toEqual(rescued);

  await alice.send(new StartInstancesCommand({ InstanceIds: [instance] }));
  await testbed.wake(table);
  expect(await testbed.routes(table)).toEqual(rescued);
  await testbed.letTargetsBeAlive(table);
  await testbed.wake(table);

  await testbed.has(table, listed);
  await testbed.phase(table, 'InSync');
  await eventually(async () =>
    expect((await testbed.state(table))?.memory.destinations.get('10.20.0.0/16')).not.toHaveProperty('down'),
  );
});
