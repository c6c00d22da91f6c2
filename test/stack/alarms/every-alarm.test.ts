import { setTimeout as sleep } from 'node:timers/promises';
import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { PurgeQueueCommand, SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { DeleteVpcPeeringConnectionCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { connect } from '../../../local/stack.ts';
import { eventually } from '../support/eventually.ts';
import { deleteRoute, replaceRoute } from '../support/route-calls.ts';
import { type FunctionName, Testbed } from '../support/testbed.ts';
import { OnCall } from './support/on-call.ts';

// Every alarm of the stack: what it is for is brought about, it rings, and it stops when that is mended. The alarms are
// those that are deployed, but for their periods, so that nobody waits for minutes.

const reconciling: readonly FunctionName[] = ['OnRouteChange', 'OnDesiredChange', 'OnRequeue', 'Sweep'];
const queues = ['UndeliveredEvents', 'FailedInvocations', 'FailedRecords', 'FailedRequeues'] as const;

const ids = [
  'ChangesFailed',
  'TablesOutOfSync',
  'TablesUnknown',
  'PlansBlocked',
  'InvalidDesired',
  'Contested',
  'Blackholes',
  'MissedByEvents',
  'EventsNotTold',
  'RequeuesWaiting',
  'SweepNotCompleted',
  ...queues.map((queue) => `${queue}Waiting`),
  ...reconciling.flatMap((name) => [`${name}Errors`, `${name}Throttles`]),
];

let onCall: OnCall;
let testbed: Testbed;
const alarms = new Map<string, MetricAlarm>();
const sqs = new SQSClient(connect(inject('stack')).aws);

beforeAll(async () => {
  testbed = await Testbed.open();
  await testbed.forgetAll();
  // Else the time since the last sweep of other tests would count.
  await testbed.invoke('Sweep', {});
  onCall = await OnCall.open();
  for (const id of ids) alarms.set(id, await onCall.shorten(id, 4));
});
afterAll(() => onCall.close());

const alarm = (id: string): MetricAlarm => {
  const found = alarms.get(id);
  if (!found) throw new Error(`${id} is none of the alarms`);
  return found;
};

/** Brings trouble about until the alarm rings, then the cure until it stops, and has heard of both. */
async function rings(
  id: string,
  { trouble, cure }: { readonly trouble: () => Promise<unknown>; readonly cure: () => Promise<unknown> },
): Promise<void> {
  await trouble();
  const raised = await onCall.told(alarm(id), 'OK', 'ALARM', { seconds: 60 });
  expect(raised.NewStateReason).not.toBe('');
  await cure();
  await onCall.told(alarm(id), 'ALARM', 'OK', { seconds: 60 });
}

const empty = (queue: (typeof queues)[number] | 'Requeue') =>
  sqs.send(new PurgeQueueCommand({ QueueUrl: inject('stack').outputs[`${queue}QueueUrl`] }));

/** Does something again and again until it is told to stop, as a schedule does. */
function every(ms: number, act: () => Promise<unknown>): { readonly stop: () => Promise<void> } {
  const stopping = new AbortController();
  const going = (async () => {
    while (!stopping.signal.aborted) {
      await act();
      await sleep(ms);
    }
  })();
  return {
    stop: () => {
      stopping.abort();
      return going;
    },
  };
}

it('there is no alarm but those that ring here', async () => {
  const deployed = (await onCall.alarms()).filter(({ AlarmName = '' }) => /Alarms[A-Z]/.test(AlarmName));
  expect(deployed).toHaveLength(ids.length);
});

describe.concurrent('an alarm rings and stops', { timeout: 240_000 }, () => {
  it('for a route that EC2 refuses, until the item lists it no more', async () => {
    const routes = { '10.20.0.0/16': testbed.network.peering };
    const table = await testbed.tableInSync(routes);
    await rings('ChangesFailed', {
      trouble: async () => {
        await testbed.relay.inject({
          on: { action: 'CreateRoute', naming: [table] },
          effect: { kind: 'refuse', code: 'RouteLimitExceeded' },
        });
        await testbed.desire(table, { ...routes, '10.40.0.0/16': testbed.network.peering });
      },
      cure: () => testbed.edit(table, routes),
    });
    await testbed.phase(table, 'InSync');
  });

  it('for deletes that wait for a person, until the routes are listed', async () => {
    const { network } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.30.0.0/16': network.otherPeering };
    const table = await testbed.newTable(routes);
    await rings('PlansBlocked', {
      trouble: () => testbed.desire(table, { '10.20.0.0/16': network.peering }),
      cure: () => testbed.edit(table, routes),
    });
    await testbed.phase(table, 'InSync');
  });

  it('for an item that is refused, until it is written right', async () => {
    const routes = { '10.20.0.0/16': testbed.network.peering };
    const table = await testbed.tableInSync(routes);
    await rings('InvalidDesired', {
      trouble: () => testbed.putItem({ routeTableId: table, routes: [{ destination: '10.20.0.0', target: 'nat' }] }),
      cure: () => testbed.edit(table, routes),
    });
    await testbed.phase(table, 'InSync');
  });

  it('for a route that somebody does not let go of, until one of the two does', async () => {
    const { network, bob } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    await rings('Contested', {
      trouble: async () => {
        for (let round = 0; round < 6; round++) {
          await bob.send(replaceRoute(table, '10.20.0.0/16', network.transitGateway));
          await testbed.has(table, routes);
        }
      },
      cure: () => testbed.edit(table, { '10.20.0.0/16': network.transitGateway }),
    });
    await testbed.phase(table, 'InSync');
  });

  it('for a route whose target dies, until the item lists one that lives', async () => {
    const { network, alice } = testbed;
    const table = await testbed.tableInSync({ '10.20.0.0/16': network.otherPeering });
    await rings('Blackholes', {
      trouble: () =>
        alice.send(new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: network.otherPeering })),
      cure: () => testbed.edit(table, { '10.20.0.0/16': network.transitGateway }),
    });
    await testbed.phase(table, 'InSync');
  });

  it('for an event that could not be handed to its function, until the queue is empty', async () => {
    const QueueUrl = inject('stack').outputs['UndeliveredEventsQueueUrl'];
    await rings('UndeliveredEventsWaiting', {
      // By hand: the emulator knows no dead-letter queues of EventBridge's and Scheduler's targets.
      trouble: () => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'nobody could be handed this' })),
      cure: () => empty('UndeliveredEvents'),
    });
  });
});

// One after the other: what these bring about would disturb the others.
describe('an alarm rings and stops', { timeout: 180_000 }, () => {
  it('for what only sweeps know: tables out of sync, tables nobody can read, drift no event told, no sweep at all', async () => {
    const { network, unannounced, relay } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const sweepNow = () => testbed.invoke('Sweep', {});

    // Muted events: a sweep finds what nobody told of.
    const muted = await testbed.tableInSync(routes);
    await unannounced.send(deleteRoute(muted, '10.20.0.0/16'));
    await sweepNow();
    await testbed.phase(muted, 'InSync');
    await testbed.letEventsBeLate(muted);
    await rings('MissedByEvents', { trouble: sweepNow, cure: async () => undefined });

    const table = await testbed.tableInSync(routes);
    // In place of the schedule, which is off for all tests: it starts one a minute at most, and periods are shorter here.
    const sweeping = every(500, sweepNow);
    try {
      await onCall.reaches(alarm('TablesOutOfSync'), 'OK', { seconds: 60 });
      await rings('TablesOutOfSync', {
        trouble: () => testbed.desire(table, { ...routes, '10.41.0.0/16': 'pcx-0eeeeeeeeeeeeeeee' }),
        cure: () => testbed.desire(table, routes),
      });
      const caller = await testbed.callerOf('Sweep');
      await rings('TablesUnknown', {
        trouble: () =>
          relay.inject({
            on: { action: 'DescribeRouteTables', caller },
            times: 1_000_000,
            effect: { kind: 'refuse', code: 'UnauthorizedOperation', status: 403 },
          }),
        cure: () => relay.reset(),
      });
      await rings('SweepNotCompleted', { trouble: sweeping.stop, cure: () => testbed.schedule('ENABLED') });
    } finally {
      await sweeping.stop();
      await testbed.schedule('DISABLED');
    }
  });

  it('for functions that crash, and for the sweep, the edit and the second look given up then, until they work again', async () => {
    const { relay, alice, network } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    const edited = await testbed.tableInSync(routes);
    const healed = await testbed.tableInSync(routes);
    const edit = { '10.20.0.0/16': network.transitGateway };

    const beAsPatientAsBefore = await testbed.giveUpSoon();
    const mendSweep = await testbed.cripple('Sweep');
    const mendOnDesiredChange = await testbed.cripple('OnDesiredChange');
    const mendOnRequeue = await testbed.cripple('OnRequeue');
    await relay.inject({
      on: { action: 'DescribeRouteTables', naming: [table] },
      times: 1_000_000,
      effect: { kind: 'refuse', code: 'UnauthorizedOperation', status: 403 },
    });
    // However a period's end divides six calls, three of them are in one.
    const crashes = async (act: () => Promise<unknown>) => {
      for (let time = 0; time < 6; time++) await expect(act()).rejects.toThrow('failed');
    };
    try {
      await Promise.all([
        ...reconciling.map((name) =>
          rings(`${name}Errors`, {
            trouble: () => crashes(() => (name === 'OnRouteChange' ? testbed.wake(table) : testbed.invoke(name, {}))),
            cure: async () => undefined,
          }),
        ),
        rings('FailedInvocationsWaiting', {
          // Lambda calls three times what fails, and puts it aside then.
          trouble: () => testbed.trigger('Sweep', {}),
          cure: async () => {
            await mendSweep();
            await empty('FailedInvocations');
          },
        }),
        rings('FailedRecordsWaiting', {
          trouble: () => testbed.desire(edited, edit),
          cure: async () => {
            await mendOnDesiredChange();
            await empty('FailedRecords');
          },
        }),
        rings('FailedRequeuesWaiting', {
          // What was healed is looked at once more.
          trouble: () => alice.send(deleteRoute(healed, '10.20.0.0/16')),
          cure: async () => {
            await mendOnRequeue();
            // Whatever else was tried in vain by now would follow.
            await empty('Requeue');
            await empty('FailedRequeues');
          },
        }),
      ]);
    } finally {
      await Promise.all([mendSweep(), mendOnDesiredChange(), mendOnRequeue(), beAsPatientAsBefore(), relay.reset()]);
    }

    // Nothing is lost by what was given up: the next sweep looks there.
    await testbed.invoke('Sweep', {});
    await testbed.has(edited, edit);
    await testbed.phase(healed, 'InSync');
  });

  it('for events that the bus does not take, until it does, and for second looks that nobody takes, until somebody does', async () => {
    const { network, alice } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    const giveBack = await testbed.denyOn('OnRouteChange', 'events:PutEvents', '*');
    const listenAgain = await testbed.deafen('OnRequeue');
    try {
      await Promise.all([
        rings('EventsNotTold', {
          trouble: () => alice.send(deleteRoute(table, '10.20.0.0/16')),
          cure: giveBack,
        }),
        // What was healed is looked at once more, by whom?
        rings('RequeuesWaiting', { trouble: async () => undefined, cure: listenAgain }),
      ]);
    } finally {
      await Promise.all([giveBack(), listenAgain()]);
    }
    await testbed.has(table, routes);
    await testbed.phase(table, 'InSync');
  });

  it('for functions that are throttled, until calls get through', async () => {
    const throttled = await Promise.all(
      reconciling.map(async (name) => ({ name, lift: await testbed.throttle(name) })),
    );
    await Promise.all(
      throttled.map(async ({ name, lift }) => {
        const calling = every(1_000, () => testbed.invoke(name, {}).catch(() => undefined));
        await rings(`${name}Throttles`, {
          trouble: async () => undefined,
          cure: async () => {
            await calling.stop();
            await lift();
          },
        });
      }),
    );
    const table = await testbed.tableInSync({ '10.20.0.0/16': testbed.network.peering });
    await eventually(async () => expect((await testbed.status(table))?.phase).toBe('InSync'));
  });
});
