import { CfnRouteTable } from 'aws-cdk-lib/aws-ec2';
import { describe, expect, it } from 'vitest';
import { DesiredRouteTable, type DesiredRouteTableProps } from '../../infra/desired-route-table.ts';
import { desiredItemSchema, ignoreSchema, routeSchema } from '../../reconciler/core/desired/schema.ts';
import { routeTableId } from '../support/builders.ts';
import { constructApp, StackTemplate } from '../support/stack.ts';

type Item = Omit<DesiredRouteTableProps, 'reconciler'>;
const routes = [{ destination: '0.0.0.0/0', target: 'igw-aaaaaaaa' }];

/** The template of an app with this item, and what CloudFormation gets of it. */
function deployed(itemOf: (stack: ReturnType<typeof constructApp>['stack']) => Item): {
  template: StackTemplate;
  item: unknown;
} {
  const { reconciler, ...app } = constructApp();
  new DesiredRouteTable(app.stack, 'Public', { reconciler, ...itemOf(app.stack) });
  const template = new StackTemplate({}, app);
  return { template, item: template.one('Custom::DesiredRouteTable', 'PublicItem')['Item'] };
}

/** Every field of an item. One that the props lack, or that the schema lacks, does not compile or fails. */
const everything = {
  routeTableId,
  routes: [
    {
      destination: '10.20.0.0/16',
      target: 'pcx-aaaaaaaa',
      alternates: ['pcx-bbbbbbbb'],
      overrideLocal: false,
      description: 'partner',
    },
  ],
  mode: 'observe',
  unlisted: 'keep',
  scope: ['10.0.0.0/8'],
  ignore: [{ destination: '10.200.0.0/16', target: 'eni-*', reason: 'pods', until: '2999-01-01T00:00:00Z' }],
  maxDeletes: 3,
  paused: { reason: 'maintenance', until: '2999-01-01T00:00:00Z' },
} as const satisfies Required<Item>;

describe('a DesiredRouteTable', () => {
  it('has every field of an item', () => {
    expect(Object.keys(everything)).toEqual(Object.keys(desiredItemSchema.shape));
    expect(Object.keys(everything.routes[0])).toEqual(Object.keys(routeSchema.shape));
    expect(Object.keys(everything.ignore[0])).toEqual(Object.keys(ignoreSchema.shape));
    expect(JSON.parse(String(deployed(() => everything).item))).toEqual(everything);
  });

  it('is rejected at synthesis with every problem', () => {
    const wrong = { routeTableId: 'rtb-1', routes: [{ destination: '10.0.0.0', target: 'nat-aaaaaaaa' }] };
    expect(() => deployed(() => wrong)).toThrow(
      /^Network\/Public: the desired item is invalid:\n {2}routes\[0\]\.destination: expected .*\n {2}routeTableId: expected/,
    );
    expect(() => deployed(() => ({ routeTableId, routes: [...routes, ...routes] }))).toThrow('routes[1].destination');
  });

  it('accepts ids that only the deployment knows', () => {
    const { item } = deployed((stack) => {
      const table = new CfnRouteTable(stack, 'Table', { vpcId: 'vpc-aaaaaaaa' });
      const unknown = table.attrRouteTableId;
      return {
        routeTableId: table.attrRouteTableId,
        routes: [
          { destination: '::/0', target: unknown, alternates: [unknown] },
          { destination: unknown, target: unknown },
          { destination: unknown, target: unknown, description: unknown },
        ],
      };
    });
    expect(JSON.stringify(item)).toContain('Table.RouteTableId');
  });

  it('adds a function that may write items, and nothing else; without one, no function may', () => {
    const { template } = deployed(() => ({ routeTableId, routes }));
    const policies = [...template.all('AWS::IAM::Policy')].filter(([, one]) =>
      JSON.stringify(one).includes('"DesiredItemRole"'),
    );
    expect(policies).toHaveLength(1);
    expect(policies[0]?.[1]['PolicyDocument']).toMatchObject({
      Statement: [
        { Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: 'DesiredItemLogs.Arn' },
        { Action: ['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem'], Resource: 'DesiredRouteTables.Arn' },
      ],
    });
    expect(new StackTemplate({}, constructApp()).all('AWS::Lambda::Function').has('DesiredItemFunction')).toBe(false);
  });

  it('shares that function with the other tables of its reconciler', () => {
    const { reconciler, ...app } = constructApp();
    for (const id of ['rtb-aaaaaaaa', 'rtb-bbbbbbbb'])
      new DesiredRouteTable(app.stack, id, { reconciler, routeTableId: id, routes });
    const template = new StackTemplate({}, app);
    expect(template.all('Custom::DesiredRouteTable').size).toBe(2);
    expect(template.all('AWS::Lambda::Function').size).toBe(6);
  });
});
