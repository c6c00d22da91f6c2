import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRoute, replaceRoute } from '../support/route-calls.ts';
import { Testbed } from '../support/testbed.ts';
import { OnCall } from './support/on-call.ts';

// Messages come from EventBridge, whatever the state of an alarm.

let onCall: OnCall;
let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
  onCall = await OnCall.open();
});
afterAll(() => onCall.close());

describe('the topic of the alarms gets one readable message', { timeout: 120_000 }, () => {
  const routes = () => ({ '10.20.0.0/16': testbed.network.peering });

  it('for each of two hijacks, though the alarm of the first problem is still raised', async () => {
    const { network, bob } = testbed;
    const alarm = await onCall.shorten('InvalidDesired', 15);
    const decoy = await testbed.tableInSync(routes());
    const table = await testbed.tableInSync(routes());
    await testbed.putItem({ routeTableId: decoy, routes: 'none' });
    await onCall.message(decoy, /its desired item is invalid/);
    await onCall.reaches(alarm, 'ALARM', { seconds: 60 });

    await bob.send(replaceRoute(table, '10.20.0.0/16', network.transitGateway));
    const lines = await onCall.message(table, /others changed 1 route/);
    expect(lines[1]).toContain(`10.20.0.0/16 leads to ${network.transitGateway} (listed with ${network.peering})`);
    expect(lines[2]).toMatch(/Who: .*bob/);
    expect(lines[3]).toContain(`npx routectl report ${table} --html ${table}.html`);
    expect(await onCall.state(alarm)).toBe('ALARM');
  });

  it('for a route that the item leaves alone inside a listed destination', async () => {
    const { network, bob } = testbed;
    const table = await testbed.tableInSync(routes(), { unlisted: 'keep' });
    await bob.send(createRoute(table, '10.20.7.0/24', network.transitGateway));
    const lines = await onCall.message(table, /others changed 1 route that the plan leaves alone/);
    expect(lines[1]).toContain(`10.20.7.0/24 leads to ${network.transitGateway} (new; unlisted-kept)`);
    expect(lines[2]).toMatch(/Who: .*bob/);
    expect(lines[4]).toContain('Route Left Alone');
  });

  it('for deletes that wait, a weakened policy, a pause and the deletion of the item', async () => {
    const removed = { '10.99.0.0/16': testbed.network.transitGateway };
    const table = await testbed.tableInSync({ ...routes(), ...removed }, { maxDeletes: 0 });
    await testbed.desire(table, routes(), { maxDeletes: 0 });
    await onCall.message(table, /1 delete waits for a person/);
    await testbed.desire(table, routes(), { maxDeletes: 0, unlisted: 'keep' });
    expect((await onCall.message(table, /weakens its protection/))[1]).toContain('unlisted: delete → keep');
    await testbed.order(table, 'pause', { reason: 'maintenance', by: 'alice' });
    expect((await onCall.message(table, /pause ordered/))[2]).toContain('alice (a claim');
    await testbed.deleteItem(table);
    await onCall.message(table, /its item was deleted/);
  });
});
