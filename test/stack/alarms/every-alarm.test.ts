import { setTimeout as sleep } from 'node:timers/promises';
import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { PurgeQueueCommand, SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { DeleteVpcPeeringConnectionCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../../local/stack.ts';
import { eventually } from '../support/eventually.ts';
import { deleteRoute, replaceRoute } from '../support/route-calls.ts';
import type { FunctionName } from '../support/functions.ts';
import { Testbed } from '../support/testbed.ts';
import { OnCall } from './support/on-call.ts';
import { localStack } from '../support/local-stack.ts';

// For every alarm of the stack: the test causes the problem, the alarm starts, the test fixes the problem, and the
// alarm ends. The alarms are the deployed ones with shorter periods, so that no test waits for minutes.

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
  'MappingsDisabled',
  'RequeuesWaiting',
  'SweepNotCompleted',
  ...queues.map((queue) => `${queue}Waiting`),
  ...reconciling.flatMap((name) => [`${name}Errors`, `${name}Throttles`]),
];

/** Those that `test/infra/alarms.test.ts` evaluates: they differ from others here only in their metric. */
const evaluatedOnly = ['TablesWaiting', 'TablesStopped', 'ItemsMissing', 'DriftObserved', 'EventsDropped'];

let onCall: OnCall;
let testbed: Testbed;
const alarms = new Map<string, MetricAlarm>();
const sqs = new SQSClient(connect(localStack()).aws);

beforeAll(async () => {
  testbed = await Testbed.open();
  await testbed.deleteAllItems();
  // Otherwise the time since the last sweep of other tests would count.
  await testbed.functions.invoke('Sweep', {});
  onCall = await OnCall.open();
  for (const id of ids) alarms.set(id, await onCall.shorten(id, 4));
});
afterAll(() => onCall.close());

const alarm = (id: string): MetricAlarm => {
  const found = alarms.get(id);
  if (!found) throw new Error(`there is no alarm ${id}`);
  return found;
};

/** Causes a problem and waits for the alarm, then fixes the problem and waits for the alarm's end. */
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
  sqs.send(new PurgeQueueCommand({ QueueUrl: localStack().outputs[`${queue}QueueUrl`] }));

/** Repeats an action like a schedule, until `stop`. */
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

it('every deployed alarm is tested here, or evaluated in a unit test', async () => {
  const deployed = (await onCall.alarms()).filter(({ AlarmName = '' }) => AlarmName.startsWith('RouteReconciler-'));
  expect(deployed).toHaveLength(ids.length + evaluatedOnly.length);
  for (const id of evaluatedOnly) expect(await onCall.alarm(id)).toBeDefined();
});

describe.concurrent('an alarm starts and ends', { timeout: 240_000 }, () => {
  it('for a route that EC2 rejects, until the item no longer lists it', async () => {
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

  it('for deletes that wait for approval, until the routes are listed', async () => {
    const { network } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.30.0.0/16': network.transitGateway };
    const table = await testbed.newTable(routes);
    await rings('PlansBlocked', {
      trouble: () => testbed.desire(table, { '10.20.0.0/16': network.peering }),
      cure: () => testbed.edit(table, routes),
    });
    await testbed.phase(table, 'InSync');
  });

  it('for an invalid item, until it is corrected', async () => {
    const routes = { '10.20.0.0/16': testbed.network.peering };
    const table = await testbed.tableInSync(routes);
    await rings('InvalidDesired', {
      trouble: () => testbed.putItem({ routeTableId: table, routes: [{ destination: '10.20.0.0', target: 'nat' }] }),
      cure: () => testbed.edit(table, routes),
    });
    await testbed.phase(table, 'InSync');
  });

  it('for a contested route, until the item follows the other side', async () => {
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

  it('for a route whose target is deleted, until the item lists another target', async () => {
    const { network, alice } = testbed;
    const table = await testbed.tableInSync({ '10.20.0.0/16': network.otherPeering });
    await rings('Blackholes', {
      trouble: () =>
        alice.send(new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: network.otherPeering })),
      cure: () => testbed.edit(table, { '10.20.0.0/16': network.transitGateway }),
    });
    await testbed.phase(table, 'InSync');
  });

  it('for an undelivered event, until the queue is empty', async () => {
    const QueueUrl = localStack().outputs['UndeliveredEventsQueueUrl'];
    await rings('UndeliveredEventsWaiting', {
      // The emulator has no dead-letter queues for targets of EventBridge and Scheduler, so the test sends the message.
      trouble: () => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'this could not be delivered' })),
      cure: () => empty('UndeliveredEvents'),
    });
  });
});

// These run one after the other, because the problems they cause would affect other tests.
describe('an alarm starts and ends', { timeout: 180_000 }, () => {
  it('for findings of sweeps: tables out of sync, unreadable tables, drift that no event reported, a missing sweep', async () => {
    const { network, unannounced, relay } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const sweepNow = () => testbed.functions.invoke('Sweep', {});

    // Without events, only the sweep finds the drift.
    const muted = await testbed.tableInSync(routes);
    await unannounced.send(deleteRoute(muted, '10.20.0.0/16'));
    await sweepNow();
    await testbed.phase(muted, 'InSync');
    await testbed.letEventsBeLate(muted);
    await rings('MissedByEvents', { trouble: sweepNow, cure: async () => undefined });

    const table = await testbed.tableInSync(routes);
    // Replaces the schedule, which is off in all tests: it starts at most one sweep a minute, and the periods are
    // shorter.
    const sweeping = every(500, sweepNow);
    try {
      await onCall.reaches(alarm('TablesOutOfSync'), 'OK', { seconds: 60 });
      await rings('TablesOutOfSync', {
        trouble: () => testbed.desire(table, { ...routes, '10.41.0.0/16': 'pcx-0eeeeeeeeeeeeeeee' }),
        cure: () => testbed.desire(table, routes),
      });
      const caller = await testbed.functions.callerOf('Sweep');
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

  it('for crashing functions and for the sweep, the edit and the requeue that they give up, until they work again', async () => {
    const { relay, alice, network } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const unreadable = await Promise.all([1, 2, 3].map(() => testbed.tableInSync(routes)));
    const edited = await testbed.tableInSync(routes);
    const healed = await testbed.tableInSync(routes);
    const edit = { '10.20.0.0/16': network.transitGateway };

    const beAsPatientAsBefore = await testbed.functions.giveUpSoon();
    const mendSweep = await testbed.functions.cripple('Sweep');
    const mendOnDesiredChange = await testbed.functions.cripple('OnDesiredChange');
    const mendOnRequeue = await testbed.functions.cripple('OnRequeue');
    for (const table of unreadable)
      await relay.inject({
        on: { action: 'DescribeRouteTables', naming: [table] },
        times: 1_000_000,
        effect: { kind: 'refuse', code: 'UnauthorizedOperation', status: 403 },
      });
    // Three at the same time lie in one period, except where it ends between them.
    const crashes = async (name: FunctionName) => {
      const act = (table: string) =>
        name === 'OnRouteChange' ? testbed.wake(table) : testbed.functions.invoke(name, {});
      for (let round = 0; round < 2; round++)
        await Promise.all(unreadable.map((table) => expect(act(table)).rejects.toThrow('failed')));
    };
    try {
      await Promise.all([
        ...reconciling.map((name) =>
          rings(`${name}Errors`, {
            trouble: () => crashes(name),
            cure: async () => undefined,
          }),
        ),
        rings('FailedInvocationsWaiting', {
          // Lambda tries a failing invocation three times and then sends it to the dead-letter queue.
          trouble: () => testbed.functions.trigger('Sweep', {}),
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
          // A repair requeues its table for verification.
          trouble: () => alice.send(deleteRoute(healed, '10.20.0.0/16')),
          cure: async () => {
            await mendOnRequeue();
            // Other messages that failed meanwhile would arrive later.
            await empty('Requeue');
            await empty('FailedRequeues');
          },
        }),
      ]);
    } finally {
      await Promise.all([mendSweep(), mendOnDesiredChange(), mendOnRequeue(), beAsPatientAsBefore(), relay.reset()]);
    }

    // Nothing is lost: the next sweep reads these tables.
    await testbed.functions.invoke('Sweep', {});
    await testbed.has(edited, edit);
    await testbed.phase(healed, 'InSync');
  });

  it('for domain events that the bus rejects, and for requeues that nobody receives, until both work again', async () => {
    const { network, alice } = testbed;
    const routes = { '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    const giveBack = await testbed.functions.denyOn('OnRouteChange', 'events:PutEvents', '*');
    const listenAgain = await testbed.functions.deafen('OnRequeue');
    try {
      await Promise.all([
        rings('EventsNotTold', {
          trouble: () => alice.send(deleteRoute(table, '10.20.0.0/16')),
          cure: giveBack,
        }),
        // The repair requeues its table, but nobody receives the message.
        rings('RequeuesWaiting', { trouble: async () => undefined, cure: listenAgain }),
      ]);
    } finally {
      await Promise.all([giveBack(), listenAgain()]);
    }
    await testbed.has(table, routes);
    await testbed.phase(table, 'InSync');
  });

  it('for streams whose mapping somebody disables, until it is enabled again', async () => {
    const sweeping = every(500, () => testbed.functions.invoke('Sweep', {}));
    let listenAgain: () => Promise<unknown> = async () => undefined;
    try {
      await onCall.reaches(alarm('MappingsDisabled'), 'OK', { seconds: 60 });
      await rings('MappingsDisabled', {
        trouble: async () => {
          listenAgain = await testbed.functions.deafen('OnDesiredChange');
        },
        cure: () => listenAgain(),
      });
    } finally {
      await Promise.all([sweeping.stop(), listenAgain()]);
    }
  });

  it('for functions that are throttled, until calls get through', async () => {
    const throttled = await Promise.all(
      reconciling.map(async (name) => ({ name, lift: await testbed.functions.throttle(name) })),
    );
    await Promise.all(
      throttled.map(async ({ name, lift }) => {
        const calling = every(1_000, () => testbed.functions.invoke(name, {}).catch(() => undefined));
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
