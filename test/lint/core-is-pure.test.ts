import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const globals = 'eslint(no-restricted-globals)';
const imports = 'eslint(no-restricted-imports)';
const properties = 'eslint(no-restricted-properties)';
const syntax = 'project(no-restricted-syntax)';
const undefinedName = 'eslint(no-undef)';

/** Each line breaks the rule beside it. It is linted as a file of `reconciler/core/plan`. */
const impure: Record<string, [line: string, rule: string][]> = {
  'the clock': [
    ['export const now = Date.now();', properties],
    ["export const now = Date['now']();", properties],
    ['export const { now } = Date;', properties],
    ['export const now = new Date();', syntax],
    ['export const now = Date();', syntax],
    ['export const now = performance.now();', undefinedName],
    ['export const now = process.hrtime.bigint();', undefinedName],
  ],
  'the environment': [
    ['export const region = process.env.AWS_REGION;', undefinedName],
    ['export const onNode = typeof process;', undefinedName],
    ['export const scope: object = globalThis;', globals],
    ['export const here = import.meta.dirname;', syntax],
    ["export { hostname } from 'node:os';", imports],
    ["export { env } from 'node:process';", imports],
  ],
  "the machine's locale and time zone": [
    ['export const hours = (time: Date) => time.getHours();', syntax],
    ['export const zone = (time: Date) => time.getTimezoneOffset();', syntax],
    ['export const day = (time: Date) => time.toDateString();', syntax],
    ['export const text = (count: number) => count.toLocaleString();', syntax],
    ['export const time = new Date(2026, 0, 1);', syntax],
    ["export const order = 'a'.localeCompare('b');", syntax],
    ["export const format = new Intl.NumberFormat('en');", globals],
  ],
  randomness: [
    ['export const number = Math.random();', properties],
    ['export const { random } = Math;', properties],
    ['export const id = crypto.randomUUID();', undefinedName],
    ["export { randomUUID } from 'node:crypto';", imports],
    ["import * as all from 'node:crypto'; export { all };", imports],
    ["import all from 'node:crypto'; export { all };", imports],
  ],
  'timers and waiting': [
    ['setTimeout(() => undefined, 1);', undefinedName],
    ['setInterval(() => undefined, 1);', undefinedName],
    ['setImmediate(() => undefined);', undefinedName],
    ['queueMicrotask(() => undefined);', undefinedName],
    ["export { setTimeout } from 'node:timers/promises';", imports],
    ['export const done = Promise.resolve();', globals],
    ["export const answer = async () => 'soon';", syntax],
    ['export const wait = (cell: Int32Array) => Atomics.wait(cell, 0, 0, 1);', globals],
  ],
  'I/O': [
    ["export const answer = fetch('https://example.com');", undefinedName],
    ["export const socket = new WebSocket('wss://example.com');", undefinedName],
    ["export const fs: unknown = require('node:fs');", undefinedName],
    ["export { readFileSync } from 'node:fs';", imports],
    ["export { readFile } from 'fs/promises';", imports],
    ["export type { Stats } from 'node:fs';", imports],
    ["export { connect } from 'node:net';", imports],
    ["export { gzipSync } from 'node:zlib';", imports],
    ["export { execFile } from 'node:child_process';", imports],
    ['export const load = (file: string): unknown => import(file);', syntax],
  ],
  logs: [
    ["console.log('planned');", undefinedName],
    ["process.stdout.write('planned');", undefinedName],
    ["export { log } from 'node:console';", imports],
    ["export { debuglog } from 'node:util';", imports],
    ["export { Logger } from '@aws-lambda-powertools/logger';", imports],
  ],
  'the SDK and other packages': [
    ["export { EC2Client } from '@aws-sdk/client-ec2';", imports],
    ["export type { Route } from '@aws-sdk/client-ec2';", imports],
    ["export type { Client } from '@smithy/types';", imports],
    ["export { parse } from 'yaml';", imports],
    ["export { z } from 'zod/mini';", imports],
  ],
  'files outside the core': [
    ["export { apply } from '../../apply.ts';", imports],
    ["export type { Ports } from '../../ports.ts';", imports],
    ["export { routeCodec } from '../../aws/route-codec.ts';", imports],
    ["export { main } from '../../../cli/main.ts';", imports],
    ["export { fleet } from '../../../test/support/fleet.ts';", imports],
    ["export { apply } from './../../apply.ts';", imports],
    ["export { apply } from '../route/../../apply.ts';", imports],
    ["export { apply } from '/reconciler/apply.ts';", imports],
    ["export type Ports = import('../../ports.ts').Ports;", 'typescript(consistent-type-imports)'],
  ],
  'code that no rule can read': [
    ["export const now: unknown = eval('Date.now()');", 'eslint(no-eval)'],
    ["export const now: unknown = new Function('return Date.now()');", globals],
  ],
};

const pure = `
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { inspect, isDeepStrictEqual } from 'node:util';
import { distance } from 'fastest-levenshtein';
import { parseIp } from 'ip-bigint';
import { z } from 'zod';
import type { Memory } from '../memory/memory.ts';
import { sameRoute } from '../route/route.ts';
import type { Trigger } from '../memory/trigger.ts';
import { guard } from './guard.ts';

export type Known = Memory | Trigger | RegExp;
export const hash = (value: string) => createHash('sha256').update(value).digest('hex');
export const after = (time: Date, ms: number) => new Date(time.getTime() + ms).toISOString();
export const day = (time: string) => new Date(Date.parse(time)).getUTCDate();
export const start = new Date(Date.UTC(2026, 0, 1));
export const order = (one: string, other: string) => one.localeCompare(other, 'en');
export const most = (...counts: number[]) => Math.max(...counts);
export const all = [isIP, inspect, isDeepStrictEqual, distance, parseIp, z, sameRoute, guard];
`;

/** As data flows: each folder of the core imports itself and what stands to its right. */
const rooms = ['announce', 'status', 'plan', 'memory', 'desired', 'route'];
const mayImport = (from: string, to: string) => rooms.indexOf(from) <= rooms.indexOf(to);

describe('the linter', () => {
  let root: string;
  let findings: Map<string, Set<string>>;
  const sources = new Map<string, string>([['reconciler/core/plan/pure.ts', pure]]);
  const lines = Object.values(impure).flat();
  const fileOf = (line: string) => `reconciler/core/plan/line-${lines.findIndex(([one]) => one === line)}.ts`;
  for (const [line] of lines) sources.set(fileOf(line), `${line}\n`);
  const importing = (to: string, name: string) => {
    const file = `reconciler/core/${name}`;
    sources.set(file, `export { thing } from '${to}';\n`);
    return file;
  };
  const between = rooms.flatMap((from) =>
    rooms.map((to) => ({
      from,
      to,
      file: importing(from === to ? './thing.ts' : `../${to}/thing.ts`, `${from}/to-${to}.ts`),
    })),
  );
  const cycle = ['reconciler/lease.ts', 'reconciler/ports.ts'];
  sources.set('reconciler/lease.ts', "import type { Ports } from './ports.ts';\nexport type Lease = Ports | 'none';\n");
  sources.set('reconciler/ports.ts', "import type { Lease } from './lease.ts';\nexport type Ports = Lease[];\n");
  const fromOutside = rooms.map((to) => importing(`./${to}/thing.ts`, `outside-to-${to}.ts`));

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'route-reconciler-lint-'));
    for (const config of ['oxlint.config.ts', 'oxlint.plugin.ts']) await cp(config, path.join(root, config));
    for (const [file, source] of sources) {
      await mkdir(path.dirname(path.join(root, file)), { recursive: true });
      await writeFile(path.join(root, file), source);
    }
    findings = await lint(root);
  });
  afterAll(() => rm(root, { recursive: true }));

  const rulesBrokenIn = (file: string) => [...(findings.get(file) ?? [])];

  describe.each(Object.entries(impure))('keeps %s out of the core', (_, cases) => {
    it.each(cases)('%s', (line, rule) => {
      expect(rulesBrokenIn(fileOf(line))).toEqual([rule]);
    });
  });

  it('accepts what is pure', () => {
    expect(rulesBrokenIn('reconciler/core/plan/pure.ts')).toEqual([]);
  });

  it('lets a folder of the core import only folders to its right', () => {
    const accepted = between.filter(({ file }) => rulesBrokenIn(file).length === 0);
    const rejected = between.filter(({ file }) => rulesBrokenIn(file).includes(imports));
    expect(accepted).toEqual(between.filter(({ from, to }) => mayImport(from, to)));
    expect(rejected).toEqual(between.filter(({ from, to }) => !mayImport(from, to)));
  });

  it('lets a file outside the folders import none of them', () => {
    expect(fromOutside.map(rulesBrokenIn)).toEqual(rooms.map(() => [imports]));
  });

  it('rejects an import cycle, even one of types alone', () => {
    expect(cycle.map(rulesBrokenIn)).toEqual([['import(no-cycle)'], ['import(no-cycle)']]);
  });
});

/** The rules that each file under `root` breaks. */
async function lint(root: string): Promise<Map<string, Set<string>>> {
  const oxlint = path.resolve('node_modules/oxlint/bin/oxlint');
  const { stdout } = await promisify(execFile)(process.execPath, [oxlint, '--format', 'json'], { cwd: root }).catch(
    // oxlint exits with 1 when it finds something.
    (error: { stdout: string }) => error,
  );
  const { diagnostics }: { diagnostics: { code: string; filename: string }[] } = JSON.parse(stdout);
  const findings = new Map<string, Set<string>>();
  for (const { code, filename } of diagnostics) {
    const name = filename.split(path.sep).join('/');
    findings.set(name, (findings.get(name) ?? new Set()).add(code));
  }
  return findings;
}
