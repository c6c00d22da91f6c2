import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import Table from 'cli-table3';
import { CloudWatchClient, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeRouteTablesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { actualTable } from '../reconciler/aws/ec2/route-codec.ts';
import { destinationText, targetText } from '../reconciler/core/route/route.ts';
import type { RunOutcome } from '../reconciler/core/announce/history.ts';
import type { Trigger } from '../reconciler/core/memory/trigger.ts';
import type { RelayControl } from './relay-control.ts';
import type { Scenery } from './scenery.ts';
import { type StackAddress, connect } from './stack.ts';

interface DesiredItem {
  readonly routeTableId: string;
  readonly routes: readonly { readonly destination: string; readonly target: string }[];
}

interface Scene {
  readonly title: string;
  readonly ok: boolean;
  readonly took?: number;
  readonly calls: string;
  readonly who: string;
}

const writes = ['CreateRoute', 'ReplaceRoute', 'DeleteRoute'];
const dim = (text: string): string => styleText('dim', text);

/** Runs the scenes of the demo: makes a change, watches the tables from outside, and prints the result. */
export class Stage {
  readonly #observer: EC2Client;
  readonly #documents: DynamoDBDocumentClient;
  readonly #relay: RelayControl;
  readonly #cloudwatch: CloudWatchClient;
  readonly #outputs: StackAddress['outputs'];
  readonly #tables: readonly string[];
  readonly #desired = new Map<string, DesiredItem>();
  readonly #scenes: Scene[] = [];

  constructor(stack: StackAddress, { privateTable, publicTable }: Scenery) {
    const { aws, ec2, relay } = connect(stack);
    this.#observer = new EC2Client(ec2({ kind: 'user', name: 'observer' }));
    this.#documents = DynamoDBDocumentClient.from(new DynamoDBClient(aws));
    this.#relay = relay;
    this.#cloudwatch = new CloudWatchClient(aws);
    this.#outputs = stack.outputs;
    this.#tables = [privateTable, publicTable];
  }

  /** Writes a desired item, as a person or a pipeline would. */
  async desire(item: DesiredItem): Promise<void> {
    this.#desired.set(item.routeTableId, item);
    await this.write(item);
  }

  /** Writes an item that the reconciler must reject. */
  async write(item: DesiredItem): Promise<void> {
    await this.#documents.send(new PutCommand({ TableName: this.#outputs['DesiredTableName'], Item: item }));
  }

  /** Runs a scene that makes the tables differ from the desired state, and waits until they match again. */
  async heals(title: string, act: () => Promise<unknown>, { withinMs = 20_000 } = {}): Promise<void> {
    // If somebody deletes a route in the second in which we created it, that is believed only after 30 s.
    await sleep(1_200);
    await this.#relay.forgetCalls();
    const start = performance.now();
    const startedAt = new Date().toISOString();
    await act();
    if (withinMs > 20_000) console.log(dim(`… ${title}`));
    const ok = await this.#until(() => this.#asDesired(), withinMs);
    const took = performance.now() - start;
    const who = ok ? await this.#culprits(startedAt) : '';
    this.#tell({ title, ok, took, calls: await this.#ownWrites(), who });
  }

  /** Runs a scene after which the reconciler must change nothing. */
  async ignores(title: string, act: () => Promise<unknown>): Promise<void> {
    await this.#relay.forgetCalls();
    await act();
    await sleep(3_000);
    const calls = await this.#ownWrites();
    this.#tell({ title, ok: calls === 'no write' && (await this.#asDesired()), calls, who: '' });
  }

  /** Runs a scene that raises an alarm and then ends it. */
  async rings(
    title: string,
    alarm: string,
    { trouble, cure }: { readonly trouble: () => Promise<unknown>; readonly cure: () => Promise<unknown> },
  ): Promise<void> {
    await this.#relay.forgetCalls();
    const start = performance.now();
    const isIn = (state: string) => async () => (await this.#alarmState(alarm)) === state;
    await trouble();
    const rang = await this.#until(isIn('ALARM'), 60_000);
    if (rang) console.log(`${styleText('red', '●')} ${alarm} is in ALARM and notifies its topic`);
    await cure();
    const ended = await this.#until(isIn('OK'), 90_000);
    if (ended) console.log(`${styleText('green', '●')} ${alarm} is OK again`);
    const ok = rang && ended && (await this.#until(() => this.#asDesired(), 20_000));
    this.#tell({ title, ok, took: performance.now() - start, calls: `${alarm}: ALARM, OK`, who: '' });
  }

  /** The state of a deployed alarm, by its id in the construct. */
  async #alarmState(id: string): Promise<string | undefined> {
    const pages = paginateDescribeAlarms({ client: this.#cloudwatch }, {});
    for await (const { MetricAlarms = [] } of pages)
      for (const { AlarmName = '', StateValue } of MetricAlarms) if (AlarmName.endsWith(`-${id}`)) return StateValue;
    return undefined;
  }

  /** Waits until a later read has confirmed the changes. */
  async settles(): Promise<void> {
    await this.#until(async () => {
      const phases = await Promise.all(this.#tables.map((id) => this.#phase(id)));
      return phases.every((phase) => phase === 'InSync');
    }, 20_000);
  }

  /** Waits until both tables are watched: until their last read was made 30 s after adoption, and no other is due. */
  async watches(): Promise<void> {
    console.log(dim('… 30 s after a table is adopted, it is watched: from then on, a new route is a rogue route'));
    await this.#until(async () => {
      const statuses = await Promise.all(this.#tables.map((id) => this.#status(id)));
      return statuses.every(({ phase, nextRetry }) => phase === 'InSync' && nextRetry === undefined);
    }, 60_000);
  }

  /** Prints all scenes. Returns whether every scene succeeded and every table is as desired. */
  async summary(): Promise<boolean> {
    const table = new Table({
      head: ['', 'what happened', 'took', 'reconciler calls', 'caused by'].map((title) => styleText('bold', title)),
      colWidths: [3, 46, 11, 27, 28],
      wordWrap: true,
      chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
      // The table's own styles would also colour a file.
      style: { head: [], border: [] },
    });
    for (const { ok, title, took, calls, who } of this.#scenes) {
      table.push([ok ? '✔' : '✘', title, took === undefined ? '–' : seconds(took), calls, who || '–']);
    }
    console.log(`\n${table.toString()}`);
    const phases = await Promise.all(this.#tables.map(async (id) => `${id} ${await this.#phase(id)}`));
    const asDesired = (await this.#asDesired()) && this.#scenes.every(({ ok }) => ok);
    console.log(
      asDesired
        ? styleText('green', `\nEvery route is as desired: ${phases.join(', ')}`)
        : styleText('red', `\nNot every route is as desired: ${phases.join(', ')}`),
    );
    return asDesired;
  }

  #tell(scene: Scene): void {
    this.#scenes.push(scene);
    const mark = scene.ok ? styleText('green', '✔') : styleText('red', '✘');
    const result = scene.took === undefined ? scene.calls : `${seconds(scene.took)}, ${scene.calls}`;
    console.log(`${mark} ${scene.title}\n  ${dim([result, scene.who].filter(Boolean).join(' · '))}`);
    if (!scene.ok) console.log(styleText('red', '  not repaired in time'));
  }

  async #until(isSo: () => Promise<boolean>, withinMs: number): Promise<boolean> {
    const end = performance.now() + withinMs;
    while (performance.now() < end) {
      if (await isSo()) return true;
      await sleep(100);
    }
    return false;
  }

  async #asDesired(): Promise<boolean> {
    const { RouteTables = [] } = await this.#observer.send(
      new DescribeRouteTablesCommand({ RouteTableIds: [...this.#tables] }),
    );
    return RouteTables.map(actualTable).every(({ routeTableId, routes }) => {
      const actual = routes
        .filter(({ origin }) => origin === 'created')
        .map(({ destination, target }) => `${destinationText(destination)} ${targetText(target)}`);
      const desired = this.#desired
        .get(routeTableId)
        ?.routes.map(({ destination, target }) => `${destination} ${target}`);
      return actual.sort().join() === desired?.sort().join();
    });
  }

  async #ownWrites(): Promise<string> {
    const calls = await this.#relay.calls();
    const counts = Map.groupBy(
      calls.filter(({ action, caller }) => writes.includes(action) && caller.startsWith('role/')),
      ({ action }) => action,
    );
    return [...counts].map(([action, { length }]) => `${length} ${action}`).join(', ') || 'no write';
  }

  /** The causes named by the runs since then. */
  async #culprits(since: string): Promise<string> {
    // The reconciler writes the run right after its last call.
    await sleep(500);
    const runs = await Promise.all(
      this.#tables.map((id) =>
        this.#documents.send(
          new QueryCommand({
            TableName: this.#outputs['StateTableName'],
            KeyConditionExpression: 'routeTableId = :id AND #item > :since',
            ExpressionAttributeNames: { '#item': 'item' },
            ExpressionAttributeValues: { ':id': id, ':since': `run#${since}` },
          }),
        ),
      ),
    );
    const outcomes = runs
      .flatMap(({ Items = [] }) => Items)
      .filter(({ item }) => String(item).startsWith('run#'))
      .flatMap(({ trigger, outcome }) => outcome.map(({ actor }: RunOutcome): string => nameOf(actor, trigger.kind)));
    return [...new Set(outcomes)].join(', ');
  }

  async #phase(routeTableId: string): Promise<string> {
    return (await this.#status(routeTableId)).phase ?? 'no status';
  }

  async #status(routeTableId: string): Promise<{ readonly phase?: string; readonly nextRetry?: string }> {
    const { Item } = await this.#documents.send(
      new GetCommand({ TableName: this.#outputs['StateTableName'], Key: { routeTableId, item: 'status' } }),
    );
    return Item ?? {};
  }
}

/** The cause of a change as a run names it, in a few words. */
function nameOf(actor: RunOutcome['actor'], trigger: Trigger['kind']): string {
  if (actor && actor !== 'unattributed') return actor.arn.split(':').at(-1) ?? actor.arn;
  return {
    event: 'not attributed',
    desired: 'the edit',
    sweep: 'no event reported it',
    requeue: 'a retry',
    person: 'a person',
  }[trigger];
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
