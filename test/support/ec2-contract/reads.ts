import { expect } from 'vitest';
import { type Case, cidr, promise } from './stage.ts';

/** The results of DescribeRouteTables. */
export const reads: readonly Case[] = [
  promise('finds tables by filter, and omits those that do not exist', async ({ calls, table }) => {
    const Filters = [{ Name: 'route-table-id', Values: [table, 'rtb-00000000'] }];
    const { RouteTables = [] } = await calls.describeRouteTables({ Filters });
    expect(RouteTables.map(({ RouteTableId }) => RouteTableId)).toEqual([table]);
  }),
  promise('rejects a read by ids if one does not exist', async ({ calls, table }) => {
    await expect(calls.describeRouteTables({ RouteTableIds: [table, 'rtb-00000000'] })).rejects.toEqual(
      expect.objectContaining({ name: expect.stringMatching(/^InvalidRouteTableID\.NotFound$/i) }),
    );
  }),
  promise(
    'finds the tables that contain a route, and shows all their routes',
    async ({ calls, table, pcx, otherPcx }) => {
      await calls.createRoute({ RouteTableId: table, [cidr]: '10.20.0.0/16', VpcPeeringConnectionId: pcx });
      await calls.createRoute({ RouteTableId: table, [cidr]: '10.21.0.0/16', VpcPeeringConnectionId: otherPcx });
      const { RouteTables = [] } = await calls.describeRouteTables({
        Filters: [{ Name: 'route.vpc-peering-connection-id', Values: [pcx] }],
      });
      expect(RouteTables.find(({ RouteTableId }) => RouteTableId === table)?.Routes).toHaveLength(3);
    },
  ),
  promise(
    'answers in pages of the requested size',
    async ({ calls, moreTables }) => {
      const ids = await moreTables(7);
      const Filters = [{ Name: 'route-table-id', Values: [...ids] }];
      const first = await calls.describeRouteTables({ Filters, MaxResults: 5 });
      expect(first).toMatchObject({ RouteTables: { length: 5 }, NextToken: expect.any(String) });
      const second = await calls.describeRouteTables({ Filters, MaxResults: 5, NextToken: first.NextToken });
      expect(second.RouteTables).toHaveLength(2);
      const shown = [first, second].flatMap(({ RouteTables = [] }) => RouteTables.map((table) => table.RouteTableId));
      expect(new Set(shown)).toEqual(new Set(ids));
      expect(second.NextToken).toBeUndefined();
    },
    'it returns everything at once',
  ),
];
