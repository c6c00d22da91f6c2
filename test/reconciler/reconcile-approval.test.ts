import { describe, expect, it } from 'vitest';
import { routeTableId } from '../support/builders.ts';
import { InMemoryWorld } from '../support/in-memory-world.ts';

const two = { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' };
const rogue = '192.168.0.0/16';

describe('the plan id in the status of a blocked table', () => {
  it('covers only the deletes that wait, even if the same reconcile made other changes', async () => {
    const { ec2, desire, reconcile, status } = new InMemoryWorld();
    ec2.scenery.table(routeTableId, { routes: { '10.20.0.0/16': 'tgw-aaaaaaaa', [rogue]: 'tgw-aaaaaaaa' } });
    ec2.scenery.target('pcx-aaaaaaaa');
    desire(two);
    await reconcile();
    const { phase, plan } = status();
    expect(phase).toBe('Blocked');
    expect(plan?.changes).toEqual([{ action: 'delete', destination: rogue, from: 'tgw-aaaaaaaa' }]);
    expect(plan?.unchanged).toBe(2);
  });

  it('is of a table that is verified soon, because no read has shown the other changes', async () => {
    const { ec2, desire, reconcile, requeue } = new InMemoryWorld();
    ec2.scenery.table(routeTableId, { routes: { [rogue]: 'tgw-aaaaaaaa' } });
    ec2.scenery.target('pcx-aaaaaaaa');
    desire(two);
    await reconcile();
    expect(requeue.sent).toMatchObject([{ message: { routeTableId } }]);
  });
});
