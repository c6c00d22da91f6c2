import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { Ajv } from 'ajv';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { accountId } from '../../../local/emulators.ts';
import { connect, environmentFor } from '../../../local/stack.ts';
import { eventJsonSchema } from '../../../schema/generate.ts';
import { jsonLines, routectl } from '../../support/routectl.ts';
import { DomainEvents } from '../support/domain-events.ts';
import { eventually } from '../support/eventually.ts';
import { createRoute, deleteRoute, replaceRoute } from '../support/route-calls.ts';
import { arnOf } from '../support/cloudtrail-records.ts';
import { Testbed } from '../support/testbed.ts';
import { localStack } from '../support/local-stack.ts';

// What operators see of drift: its actor, in history, events, widget and report.

const stack = localStack();
const { aws } = connect(stack);
let testbed: Testbed;
beforeAll(async () => {
  testbed = await Testbed.open();
});

const sample = (file: string): Record<string, unknown> =>
  z
    .object({ detail: z.record(z.string(), z.unknown()) })
    .parse(JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../../fixtures/cloudtrail', file), 'utf8')))
    .detail;

const role = (name: string, session: string) => ({
  type: 'AssumedRole',
  arn: `arn:aws:sts::${accountId}:assumed-role/${name}/${session}`,
  accountId,
});

describe.concurrent('the actor of drift', () => {
  it.each<[string, Record<string, unknown>]>([
    ['somebody signed in by SSO', sample('02-create-route-v6-eigw-assumed-role-sso.json')],
    ['a CloudFormation stack', sample('04-create-route-v4-natgw-cloudformation.json')],
    ['a pipeline with Terraform', sample('05-replace-route-v4-eni-terraform.json')],
    ['somebody with a key', sample('06-delete-route-v4-iam-user-cli.json')],
    [
      'a service-linked role',
      {
        ...sample('04-create-route-v4-natgw-cloudformation.json'),
        userIdentity: role('AWSServiceRoleForVPCTransitGateway', 'TransitGateway'),
        sourceIPAddress: 'transitgateway.amazonaws.com',
      },
    ],
    [
      'root',
      {
        ...sample('06-delete-route-v4-iam-user-cli.json'),
        userIdentity: { type: 'Root', arn: `arn:aws:iam::${accountId}:root`, accountId },
      },
    ],
  ])('is read from the CloudTrail record of %s', async (_, record) => {
    const { network, unannounced } = testbed;
    const table = await testbed.tableInSync({ '10.20.0.0/16': network.peering });
    await unannounced.send(replaceRoute(table, '10.20.0.0/16', network.transitGateway));
    await testbed.sendRecords({
      ...record,
      eventName: 'ReplaceRoute',
      eventTime: new Date().toISOString(),
      recipientAccountId: accountId,
      requestParameters: {
        routeTableId: table,
        destinationCidrBlock: '10.20.0.0/16',
        transitGatewayId: network.transitGateway,
      },
    });
    const [outcome] = await testbed.outcomes(table, 1);
    const identity = z.object({ arn: z.string(), invokedBy: z.string().optional() }).parse(record['userIdentity']);
    expect(outcome?.actor).toEqual({
      arn: identity.arn,
      sourceIp: record['sourceIPAddress'],
      // The caller chooses this text, of which 200 characters are kept.
      userAgent: String(record['userAgent']).slice(0, 200),
      ...(identity.invokedBy !== undefined && { invokedBy: identity.invokedBy }),
    });
    await eventually(async () =>
      expect(await testbed.status(table)).toMatchObject({
        phase: 'InSync',
        lastDrift: { actor: { arn: identity.arn } },
      }),
    );
  });

  it('is named for each of two people who change two routes of one table', async () => {
    const { network, alice, bob } = testbed;
    const routes = { '10.20.0.0/16': network.peering, '10.21.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    await alice.send(deleteRoute(table, '10.20.0.0/16'));
    await bob.send(replaceRoute(table, '10.21.0.0/16', network.transitGateway));
    await testbed.has(table, routes);
    // One event may arrive after the drift was repaired. Then it completes the stored run.
    await eventually(async () => {
      const outcomes = await testbed.outcomes(table, 2);
      const byDestination = Object.fromEntries(outcomes.map(({ destination, actor }) => [destination, actor]));
      expect(byDestination).toMatchObject({
        '10.20.0.0/16': { arn: arnOf('alice') },
        '10.21.0.0/16': { arn: arnOf('bob') },
      });
    });
  });
});

describe('drift', () => {
  it('is announced when it is found and when it is healed, as the schema says, and is shown in the widget and the report', async () => {
    const { network, bob } = testbed;
    const heard = await DomainEvents.open();
    onTestFinished(() => heard.close());
    const routes = { '10.20.0.0/16': network.peering };
    const table = await testbed.tableInSync(routes);
    await bob.send(replaceRoute(table, '10.20.0.0/16', network.transitGateway));
    await testbed.has(table, routes);

    const events = await eventually(async () => {
      const events = await heard.about(table);
      expect(events.map((event) => event['detail-type'])).toEqual(['Route Drift Detected', 'Route Drift Healed']);
      return events;
    });
    const accepts = new Ajv({ validateFormats: false }).compile(eventJsonSchema());
    for (const event of events) expect(accepts(event), JSON.stringify(accepts.errors)).toBe(true);
    const change = {
      action: 'replace',
      destination: '10.20.0.0/16',
      from: network.transitGateway,
      to: network.peering,
    };
    expect(events[0]?.detail).toMatchObject({ enforced: true, changes: [{ ...change, actor: { arn: arnOf('bob') } }] });

    const fleet = await widget({ widgetContext: { theme: 'dark' } });
    expect(fleet).toContain('Route tables');
    const page = await widget({ routeTableId: table });
    expect(page).toContain(`<code class="rr-long">${arnOf('bob')}</code>`);
    expect(page).toContain('repaired in');

    const scratch = mkdtempSync(path.join(tmpdir(), 'route-reconciler-report-'));
    const file = path.join(scratch, 'report.html');
    const { code, stdout, stderr } = await routectl(['report', '--html', file, '--json'], {
      env: environmentFor(stack),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining(`Written: ${file}`) });
    expect(jsonLines(stdout)).toContainEqual(
      expect.objectContaining({
        routeTableId: table,
        phase: 'InSync',
        lastDrift: expect.objectContaining({ routes: 1 }),
      }),
    );
    expect(readFileSync(file, 'utf8')).toContain(`<article id="${table}">`);
    rmSync(scratch, { recursive: true });
  });
});

describe('a route that others make and the item leaves alone', () => {
  it.each<[string, object]>([
    ['unlisted-kept', { unlisted: 'keep' }],
    ['out-of-scope', { scope: ['10.20.0.0/16'] }],
  ])(
    'is announced on the bus with its caller and a message, if it takes listed traffic: %s',
    async (reason, policy) => {
      const { network, bob } = testbed;
      const heard = await DomainEvents.open();
      onTestFinished(() => heard.close());
      const destination = reason === 'out-of-scope' ? '128.0.0.0/1' : '10.20.7.0/24';
      const table = await testbed.tableInSync({ '10.20.0.0/16': network.peering }, policy);
      await bob.send(createRoute(table, destination, network.transitGateway));

      const event = await eventually(async () => {
        const [event, ...others] = await heard.about(table);
        expect([event?.['detail-type'], others]).toEqual(['Route Left Alone', []]);
        return event;
      });
      const accepts = new Ajv({ validateFormats: false }).compile(eventJsonSchema());
      expect(accepts(event), JSON.stringify(accepts.errors)).toBe(true);
      expect(event?.detail).toMatchObject({
        routes: [
          { destination, target: network.transitGateway, reason, takesTraffic: true, actor: { arn: arnOf('bob') } },
        ],
        message: { what: `${destination} leads to ${network.transitGateway} (new; ${reason})` },
      });
    },
  );
});

/** Calls the deployed widget as the dashboard does. */
async function widget(payload: object): Promise<string> {
  const { FunctionError, Payload } = await new LambdaClient(aws).send(
    new InvokeCommand({ FunctionName: stack.outputs['WidgetFunctionName'], Payload: JSON.stringify(payload) }),
  );
  const answer = Payload?.transformToString() ?? '';
  if (FunctionError) throw new Error(answer);
  return z.string().parse(JSON.parse(answer));
}
