// `npm run demo`: runs the whole product on this machine and shows, step by step, how it repairs drift.
import { parseArgs, styleText } from 'node:util';
import {
  CreateRouteCommand,
  CreateTagsCommand,
  DeleteRouteCommand,
  EC2Client,
  ReplaceRouteCommand,
} from '@aws-sdk/client-ec2';
import { type Scenery, buildScenery } from './scenery.ts';
import { type LocalStack, connect, environmentFor, recentLogs, startStack } from './stack.ts';
import { Stage } from './stage.ts';

const { values: options } = parseArgs({
  options: {
    /** Leaves the stack running after the first scene. */
    keep: { type: 'boolean', default: false },
    /** With `keep`: plays all scenes first. */
    story: { type: 'boolean', default: false },
  },
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Everything that this process started ends with it.
  process.once(signal, () => process.exit(130));
}

const dim = (text: string): string => styleText('dim', text);
const began = performance.now();
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

async function tell(stage: Stage, scenery: Scenery, stack: LocalStack): Promise<void> {
  const { privateTable, publicTable, peering, otherPeering, natGateway, internetGateway, transitGateway } = scenery;
  const { ec2: as, relay } = connect(stack);
  const alice = new EC2Client(as({ kind: 'user', name: 'alice' }));
  const bob = new EC2Client(as({ kind: 'user', name: 'bob' }));

  const desired = [
    { destination: '10.20.0.0/16', target: peering, description: 'partner' },
    { destination: '10.21.0.0/16', target: peering, description: 'partner, second block' },
    { destination: '10.30.0.0/16', target: otherPeering, description: 'backups' },
    { destination: '0.0.0.0/0', target: natGateway, description: 'egress' },
    { destination: '::/0', target: scenery.egressOnlyGateway },
    { destination: scenery.prefixList, target: transitGateway, description: 'branch offices' },
  ];

  await stage.heals(
    'Two desired items are written, with IPv6, a prefix list, NAT, and two routes through one peering connection',
    async () => {
      await stage.desire({ routeTableId: privateTable, routes: desired });
      await stage.desire({
        routeTableId: publicTable,
        routes: [{ destination: '0.0.0.0/0', target: internetGateway }],
      });
    },
  );
  await stage.settles();
  if (options.keep && !options.story) return;

  await stage.heals('alice deletes one of the two routes through the peering connection', () =>
    alice.send(new DeleteRouteCommand({ RouteTableId: privateTable, DestinationCidrBlock: '10.21.0.0/16' })),
  );
  await stage.heals('bob sends egress to the internet gateway', () =>
    bob.send(
      new ReplaceRouteCommand({
        RouteTableId: privateTable,
        DestinationCidrBlock: '0.0.0.0/0',
        GatewayId: internetGateway,
      }),
    ),
  );
  await stage.watches();
  await stage.heals('alice adds a rogue route', () =>
    alice.send(
      new CreateRouteCommand({
        RouteTableId: privateTable,
        DestinationCidrBlock: '192.168.0.0/16',
        TransitGatewayId: transitGateway,
      }),
    ),
  );
  await stage.heals('bob swaps the targets of two routes', async () => {
    const swap = (DestinationCidrBlock: string, VpcPeeringConnectionId: string) =>
      bob.send(new ReplaceRouteCommand({ RouteTableId: privateTable, DestinationCidrBlock, VpcPeeringConnectionId }));
    await swap('10.20.0.0/16', otherPeering);
    await swap('10.30.0.0/16', peering);
  });
  await stage.ignores('alice changes a tag of the table', () =>
    alice.send(new CreateTagsCommand({ Resources: [privateTable], Tags: [{ Key: 'team', Value: 'network' }] })),
  );
  await stage.heals(
    'An event is lost: bob deletes a route and no event reports it; the next sweep, on the full minute, finds it',
    async () => {
      await relay.events('drop');
      await bob.send(new DeleteRouteCommand({ RouteTableId: publicTable, DestinationCidrBlock: '0.0.0.0/0' }));
      await relay.events('send');
    },
    { withinMs: 100_000 },
  );
  await stage.heals('The desired item is edited: one route is added, one gets another target', () =>
    stage.desire({
      routeTableId: privateTable,
      routes: [
        ...desired.filter(({ destination }) => destination !== '10.30.0.0/16'),
        { destination: '10.30.0.0/16', target: transitGateway },
        { destination: '10.40.0.0/16', target: otherPeering },
      ],
    }),
  );
  await stage.settles();
  await stage.rings('Somebody writes an invalid item; the alarm ends once the item is corrected', 'InvalidDesired', {
    trouble: () => stage.write({ routeTableId: publicTable, routes: [{ destination: '0.0.0.0', target: 'igw' }] }),
    cure: () =>
      stage.desire({ routeTableId: publicTable, routes: [{ destination: '0.0.0.0/0', target: internetGateway }] }),
  });
  await stage.settles();
}

function invitation(stack: LocalStack, { privateTable }: Scenery): string {
  const exports = Object.entries(environmentFor(stack)).map(([name, value]) => `export ${name}=${value}`);
  return `
${styleText('bold', 'The stack stays up until Ctrl-C, or npm run local -- --stop.')} In another shell:

unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN
${exports.join('\n')}

Be alice in EC2, delete a route, and watch it being repaired:
  export AWS_ENDPOINT_URL_EC2=${stack.ec2Endpoint}/user/alice
  aws ec2 delete-route --route-table-id ${privateTable} --destination-cidr-block 10.20.0.0/16
  aws ec2 describe-route-tables --route-table-ids ${privateTable} --query 'RouteTables[].Routes'
Show the tables, and who did what:
  npx routectl status
  npx routectl history ${privateTable}
Show the desired routes, and the rows of the reconciler:
  aws dynamodb get-item --table-name ${stack.outputs['DesiredTableName']} --key '{"routeTableId":{"S":"${privateTable}"}}'
  aws dynamodb query --table-name ${stack.outputs['StateTableName']} --key-condition-expression 'routeTableId = :t' --expression-attribute-values '{":t":{"S":"${privateTable}"}}'
`;
}

let stack: LocalStack | undefined;
try {
  stack = await startStack({
    watch: true,
    ...(options.keep && { onStop: () => process.exit() }),
    step: async (name, work) => {
      const start = performance.now();
      process.stderr.write(dim(`${name} … `));
      const result = await work();
      process.stderr.write(dim(`${seconds(performance.now() - start)}\n`));
      return result;
    },
  });
  const scenery = await buildScenery(connect(stack).ec2());
  const stage = new Stage(stack, scenery);
  console.log(
    `\n${styleText('bold', 'The story')} ${dim(`tables ${scenery.privateTable} and ${scenery.publicTable}`)}\n`,
  );
  await tell(stage, scenery, stack);
  const asDesired = await stage.summary();
  console.log(dim(`${seconds(performance.now() - began)} in total`));
  process.exitCode = asDesired ? 0 : 1;
  if (!asDesired) console.error(recentLogs(stack));
  if (options.keep) {
    console.log(invitation(stack, scenery));
    await new Promise(() => setInterval(() => undefined, 60_000));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (stack) console.error(recentLogs(stack));
  process.exitCode = 1;
} finally {
  await stack?.stop();
}
