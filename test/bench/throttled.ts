import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { reconcileTables } from '../../cli/reconcile-table.ts';
import { ec2RouteTables } from '../../reconciler/aws/ec2/route-tables.ts';
import { plan } from '../../reconciler/core/plan/plan.ts';
import { askNobody } from '../../reconciler/healthy-plan.ts';
import { desired, routeTableId } from '../support/builders.ts';
import { paceOfNobody } from '../support/in-memory-world.ts';
import { type Figure, figure } from './figure.ts';

const minute = 60_000;

/** An EC2 endpoint with one table of routes through peering connections. It throttles every 5th mutation. */
async function throttlingEc2(routes: Map<string, string>) {
  let [mutations, throttled] = [0, 0];
  const answer = (call: URLSearchParams): { readonly status: number; readonly body: string } => {
    const action = call.get('Action') ?? '';
    if (action === 'DescribeRouteTables') return { status: 200, body: tableAsXml(routes) };
    mutations += 1;
    if (mutations % 5 === 0) {
      throttled += 1;
      const error = '<Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message>';
      return { status: 503, body: `<Response><Errors><Error>${error}</Error></Errors></Response>` };
    }
    const destination = call.get('DestinationCidrBlock') ?? '';
    if (action === 'DeleteRoute') routes.delete(destination);
    else routes.set(destination, call.get('VpcPeeringConnectionId') ?? '');
    return { status: 200, body: '<Response><return>true</return></Response>' };
  };
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { status, body: xml } = answer(new URLSearchParams(body));
      return response.writeHead(status, { 'content-type': 'text/xml' }).end(xml);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    throttled: () => throttled,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

function tableAsXml(routes: ReadonlyMap<string, string>): string {
  const items = [...routes].map(
    ([destination, target]) =>
      `<item><destinationCidrBlock>${destination}</destinationCidrBlock><vpcPeeringConnectionId>${target}</vpcPeeringConnectionId><state>active</state><origin>CreateRoute</origin></item>`,
  );
  const local =
    '<item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state><origin>CreateRouteTable</origin></item>';
  const table = `<routeTableId>${routeTableId}</routeTableId><vpcId>vpc-aaaaaaaa</vpcId><routeSet>${local}${items.join('')}</routeSet>`;
  return `<DescribeRouteTablesResponse><routeTableSet><item>${table}</item></routeTableSet></DescribeRouteTablesResponse>`;
}

const blocks = (from: number, count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `10.${64 + from + n}.0.0/16`);
const routesTo = (target: string, destinations: readonly string[]): Record<string, string> =>
  Object.fromEntries(destinations.map((destination) => [destination, target]));

/** One run of `routectl reconcile`, with the real SDK, while EC2 throttles every 5th of 20 creates, 10 deletes, 10 replaces. */
export async function throttledFigures(): Promise<readonly Figure[]> {
  const [creates, deletes, replaces] = [blocks(0, 20), blocks(20, 10), blocks(30, 10)];
  const routes = new Map(Object.entries(routesTo('pcx-bbbbbbbb', [...deletes, ...replaces])));
  await using ec2 = await throttlingEc2(routes);
  const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
  const tables = ec2RouteTables({ endpoint: ec2.endpoint, region: 'eu-west-1', credentials });
  const wanted = desired(routesTo('pcx-aaaaaaaa', [...creates, ...replaces]), { maxDeletes: 10 });
  const now = (): Date => new Date();
  const actual = await tables.read(routeTableId);
  if (!actual) throw new Error('the table of the bench is missing');
  const [result] = await reconcileTables(
    [{ desired: wanted, actual, now: now(), plan: plan(wanted, actual, { now: now() }) }],
    {
      tables,
      pace: paceOfNobody,
      targetHealth: askNobody,
      now,
      sleep: (ms) => sleep(ms),
      until: new Date(now().getTime() + 10 * minute),
      interrupted: new AbortController().signal,
      verifyMs: minute / 2,
      note: () => undefined,
    },
  );
  const done = result?.outcome.filter((one) => one.result === 'done').length ?? 0;
  return [
    figure(
      'every 5th mutation throttled, 40 changes: changes that one run of routectl leaves',
      40 - done,
      'changes',
      0,
    ),
    figure('  tables not verified', result?.verified ? 0 : 1, 'tables', 0),
    figure('  throttled calls that the SDK repeats', ec2.throttled(), 'calls', 10, 'timed'),
  ];
}
