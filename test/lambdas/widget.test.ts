import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { handler } from '../../lambdas/widget.ts';
import { contextOf } from '../support/lambda.ts';

const { fleet, tables } = await vi.hoisted(async () => {
  const { eventfulFleet } = await import('../support/fleet.ts');
  return eventfulFleet();
});

vi.mock(import('../../lambdas/runtime.ts'), async (original) => ({
  ...(await original()),
  reader: () => ({
    fleet: async () => fleet,
    table: async (routeTableId: string) => {
      const found = tables.find((table) => table.routeTableId === routeTableId);
      return { status: found?.status, runs: found?.runs ?? [], calls: found?.calls ?? [], sweep: fleet.sweep };
    },
  }),
}));

beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'], now: fleet.now }));
afterAll(() => void vi.useRealTimers());

const context = contextOf('request-1');
const shown = async (event: unknown): Promise<string> => {
  const page = await handler(event, context);
  if (typeof page !== 'string') throw new Error(`no page, but ${JSON.stringify(page)}`);
  return page;
};

describe('the widget', () => {
  it('shows the fleet, and calls itself for every page', async () => {
    const page = await shown({ widgetContext: { theme: 'dark' } });
    expect(page).toContain('Route tables 1 to 12 of 12');
    expect(page).toContain(`endpoint="${context.invokedFunctionArn}"`);
  });

  it('is light or dark like the dashboard', async () => {
    const [light, dark] = await Promise.all(
      ['light', 'dark'].map((theme) => shown({ widgetContext: { theme, dashboardName: 'any' } })),
    );
    expect(dark).not.toBe(light);
    expect(await shown({})).toBe(light);
  });

  it('shows one table after a click on its link', async () => {
    expect(await shown({ routeTableId: 'rtb-01a1b2c3d4e5f6071', page: 0 })).toContain(
      'routectl approve rtb-01a1b2c3d4e5f6071',
    );
  });

  it('reports that a table it does not know was never reconciled', async () => {
    expect(await shown({ routeTableId: 'rtb-dddddddd' })).toContain('it was never reconciled');
    expect(await shown({ routeTableId: '<b>rtb</b>' })).toContain('its key is not a route table id');
    expect(await shown({ routeTableId: '<b>rtb</b>' })).not.toContain('<b>rtb');
  });

  it.each([undefined, null, 'text', { page: 'many', routeTableId: 7, widgetContext: 'none' }, { page: -3 }])(
    'shows the first page for a call it cannot read: %j',
    async (event) => {
      expect(await shown(event)).toContain('Route tables 1 to 12 of 12');
    },
  );

  it('describes its parameters to people who add it to a dashboard', async () => {
    expect(await handler({ describe: true }, context)).toEqual({ markdown: expect.stringContaining('routeTableId') });
  });
});
