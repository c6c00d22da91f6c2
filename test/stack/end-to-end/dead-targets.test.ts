import {
  CreateNatGatewayCommand,
  DeleteNatGatewayCommand,
  StartInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { arnOf } from '../support/cloudtrail-records.ts';
import { DomainEvents } from '../support/domain-events.ts';
import { eventually } from '../support/eventually.ts';
import { replaceRoute } from '../support/route-calls.ts';
import { Testbed } from '../support/testbed.ts';

const byBob = { actor: expect.objectContaining({ arn: arnOf('bob') }) };

let testbed: Testbed;
let events: DomainEvents;
beforeAll(async () => {
  [testbed, events] = await Promise.all([Testbed.open(), DomainEvents.open()]);
});
afterAll(() => events.close());

it('a route that an HA tool moved from a dead instance stays, and moves back when the instance was alive for 5 minutes', async () => {
  const { alice, bob, network } = testbed;
  const { instance, eni } = await testbed.newInstance();
  const listed = { '10.20.0.0/16': eni };
  const rescued = { '10.20.0.0/16': network.natGateway };
  const table = await testbed.tableInSync(listed);

  await alice.send(new StopInstancesCommand({ InstanceIds: [instance] }));
  await bob.send(replaceRoute(table, '10.20.0.0/16', network.natGateway));

  // At first the route may be seen on the dead target: the state of the instance is reported within seconds.
  await eventually(async () => {
    const { plan, reason } = await testbed.phase(table, 'Degraded');
    expect(plan?.findings).toMatchObject([{ code: 'target-down', destination: '10.20.0.0/16', target: eni }]);
    expect(reason).toContain('user/bob');
  });
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

it('a route that leads to an instance which crashes is noticed within seconds without any call, and nobody is named', async () => {
  const { relay } = testbed;
  const { instance, eni } = await testbed.newInstance();
  const table = await testbed.tableInSync({ '10.20.0.0/16': eni });

  await relay.changeInstance(instance, 'stopped');

  const { reason, actor } = await testbed.phase(table, 'Degraded');
  expect(reason).toMatch(`the instance of ${eni} went down at`);
  expect(actor).toBeUndefined();
  const { routes } = await events.event(table, 'Route Blackholed', 'entered');
  expect(routes).toEqual([{ destination: '10.20.0.0/16', target: eni }]);

  await relay.changeInstance(instance, 'running');
  await testbed.phase(table, 'InSync');
});

it('a pair of instances moves a route back and forth, and each move to the alternate is announced once with its actor', async () => {
  const { bob } = testbed;
  const [active, standby] = await Promise.all([testbed.newInstance(), testbed.newInstance()]);
  const destination = '10.20.0.0/16';
  const table = await testbed.tableInSync({ [destination]: active.eni }, {}, { [destination]: [standby.eni] });
  const since = await testbed.mark();
  const announced = async () =>
    (await events.about(table))
      // To wake the table is reported as a change around it.
      .filter((one) => one['detail-type'] !== 'Route Table Changed')
      .map((one) => [one['detail-type'], one.detail['routes']] as const);
  const move = ['Route Left Alone', [expect.objectContaining({ destination, target: standby.eni, ...byBob })]];

  for (let times = 1; times <= 3; times++) {
    await bob.send(replaceRoute(table, destination, standby.eni));
    await eventually(async () =>
      expect((await testbed.status(table))?.plan?.findings).toMatchObject([
        { code: 'on-alternate', destination, target: standby.eni },
      ]),
    );
    await testbed.wake(table);
    await eventually(async () => expect(await announced()).toEqual(Array.from({ length: times }, () => move)));
    await bob.send(replaceRoute(table, destination, active.eni));
    await eventually(async () => expect((await testbed.status(table))?.plan?.findings).toEqual([]));
  }

  expect(await testbed.status(table)).toMatchObject({ phase: 'InSync' });
  const writes = (await testbed.callsOn(table, since)).filter(({ call }) => call.includes('Route '));
  expect(writes).toEqual([]);
});

it('a route leaves its NAT gateway when alice deletes that, stays on its alternate, and that is announced', async () => {
  const { alice, network } = testbed;
  const made = await alice.send(new CreateNatGatewayCommand({ SubnetId: network.subnet }));
  const NatGatewayId = String(made.NatGateway?.NatGatewayId);
  const { eni } = await testbed.newInstance();
  const destination = '10.20.0.0/16';
  const table = await testbed.tableInSync({ [destination]: NatGatewayId }, {}, { [destination]: [eni] });

  await alice.send(new DeleteNatGatewayCommand({ NatGatewayId }));

  await testbed.has(table, { [destination]: eni });
  expect(await events.event(table, 'Route Blackholed', 'moved')).toMatchObject({
    routes: [{ destination, target: NatGatewayId, movedTo: eni, actor: { arn: arnOf('alice') } }],
  });
  const { plan } = await testbed.phase(table, 'InSync');
  expect(plan?.findings).toMatchObject([{ code: 'on-alternate', destination, target: eni }]);
  expect(await testbed.outcomes(table, 1)).toMatchObject([
    { from: NatGatewayId, to: eni, because: 'target-down', result: 'done', actor: { arn: arnOf('alice') } },
  ]);
  const types = (await events.about(table)).map((one) => one['detail-type']);
  expect(types).toEqual(['Route Blackholed']);
});
