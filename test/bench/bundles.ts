import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { buildFunctions } from '../../infra/build.ts';
import { type Figure, figure } from './figure.ts';

const root = path.join(import.meta.dirname, '..', '..');
const rounds = 15;

/** What a function needs at its start. */
const settings = {
  AWS_REGION: 'eu-west-1',
  ACCOUNT_ID: '111122223333',
  DESIRED_TABLE: 'desired',
  ORDERS_TABLE: 'orders',
  STATE_TABLE: 'states',
  EVENT_SOURCES: 'aws.ec2',
  SWEEP_EVERY_MINUTES: '5',
  HISTORY_DAYS: '90',
  REQUEUE_URL: 'http://127.0.0.1/requeue',
  MAPPING_IDS: 'a,b,c',
};

/** A module that creates the same clients of the SDK as a function. */
const clients = `
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
export const clients = [
  DynamoDBDocumentClient.from(new DynamoDBClient({})),
  new EC2Client({}),
  new EC2Client({}),
  new EventBridgeClient({}),
  new SQSClient({}),
];
`;

/** A function with everything that its first call creates. */
const coldStart = `
import { runtime } from ${JSON.stringify(path.join(root, 'lambdas', 'runtime.ts'))};
export { handler } from ${JSON.stringify(path.join(root, 'lambdas', 'on-route-change.ts'))};
export const started = runtime();
`;

/** What a part of a bundle costs, in KiB after minification. */
export type Part = readonly [name: string, kib: number];

/** The size of each bundle, and a cold start relative to a module that only creates the same clients. */
export async function bundleFigures(): Promise<{
  readonly figures: readonly Figure[];
  readonly parts: readonly Part[];
}> {
  // Inside the checkout, so that the modules find their packages.
  mkdirSync(path.join(root, 'dist'), { recursive: true });
  const folder = mkdtempSync(path.join(root, 'dist', 'bench-'));
  try {
    const bundles = await buildFunctions(path.join(root, 'lambdas'), path.join(folder, 'lambdas'));
    const starts = path.join(folder, 'starts');
    writeFileSync(path.join(folder, 'clients.ts'), clients);
    writeFileSync(path.join(folder, 'cold-start.ts'), coldStart);
    await buildFunctions(folder, starts);
    const [empty, ours, only] = [
      path.join(folder, 'empty.mjs'),
      startOf(starts, 'cold-start'),
      startOf(starts, 'clients'),
    ];
    writeFileSync(empty, '');
    const took = bestOf([empty, ours, only]);
    const ms = (file: string): number => took.get(file) ?? 0;
    return {
      figures: [
        ...[...bundles].map(([name, { bytes }]) => figure(`bundle of ${name}`, bytes / 1_024, 'KiB', 450)),
        figure(
          'cold start, relative to a module that creates the same clients',
          ms(ours) / ms(only),
          'ratio',
          2,
          'timed',
        ),
      ],
      parts: partsOf(path.join(folder, 'lambdas', 'on-route-change', 'index.mjs')),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const startOf = (folder: string, name: string): string => path.join(folder, name, 'index.mjs');

/** The best time of a process that imports each, in milliseconds. They take turns, so that a busy machine slows all. */
function bestOf(files: readonly string[]): ReadonlyMap<string, number> {
  const best = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    for (const file of files) {
      const begun = performance.now();
      const { status, stderr } = spawnSync(process.execPath, [file], { env: settings, cwd: tmpdir() });
      if (status !== 0) throw new Error(`the bundle does not start: ${String(stderr)}`);
      best.set(file, Math.min(best.get(file) ?? Infinity, performance.now() - begun));
    }
  }
  return best;
}

/** Bytes are attributed in steps of this size. */
const step = 16;

/** The npm packages and folders of ours in a bundle, largest first. */
function partsOf(file: string): readonly Part[] {
  const map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')));
  const bytes = new Map<string, number>();
  for (const [line, code] of readFileSync(file, 'utf8').split('\n').entries()) {
    for (let column = 0; column < code.length; column += step) {
      const entry = map.findEntry(line, column);
      const name = partOf('originalSource' in entry ? entry.originalSource : '');
      bytes.set(name, (bytes.get(name) ?? 0) + Math.min(step, code.length - column));
    }
  }
  return [...bytes].map(([name, count]): Part => [name, count / 1_024]).sort(([, a], [, b]) => b - a);
}

function partOf(source: string): string {
  const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1];
  return name ?? (/(?:^|\/)(reconciler\/(?:core|aws)|reconciler|lambdas|infra)\//.exec(source)?.[1] || 'the bundler');
}
