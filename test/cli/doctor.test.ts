import type { EvaluationResult } from '@aws-sdk/client-iam';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Finding,
  abilityAnswer,
  alarmsAnswer,
  headroomAnswer,
  itemsAnswer,
  mappingsAnswer,
  queueAnswer,
  ruleAnswer,
  scheduleAnswer,
  subscriptionsAnswer,
  sweepAnswer,
  trailAnswer,
} from '../../cli/doctor-checks.ts';
import { doctor } from '../../cli/doctor.ts';
import { roundTrip } from '../../cli/round-trip.ts';
import { type DeploymentReader, denialIn, recordsWrites, sizeOf } from '../../reconciler/aws/deployment-reader.ts';
import { enoughOf } from '../../reconciler/aws/trail.ts';
import { noOrders } from '../../reconciler/core/desired/orders.ts';
import { occupiedBy } from '../../reconciler/core/route/room.ts';
import type { SweepRecord } from '../../reconciler/core/status/sweep-record.ts';
import { actual, local, minutesAfter, now, propagated, route, table } from '../support/builders.ts';

// ── single checks ───────────────────────────────────────────────────────────────────────────────────────────────────

const trail = { name: 'arn:trail', isLogging: true, recordsWrites: true };
const topic = 'arn:aws:sns:eu-west-1:111122223333:alarms';
const alarm = { name: 'Stale', isRed: false, isSilent: false };
const able = { isStopped: false, onlyObserves: false, denied: [] };
const denial = { action: 'ec2:CreateRoute', by: 'nothing allows it' } as const;
const sweep = (more: Partial<SweepRecord> = {}): SweepRecord => ({
  startedAt: minutesAfter(-2).toISOString(),
  endedAt: minutesAfter(-1).toISOString(),
  checked: 3,
  outOfSync: 0,
  unknown: { count: 0, first: [] },
  everyMs: 300_000,
  ...more,
});
const unread = { count: 1, first: [{ routeTableId: 'rtb-00000001', reason: 'denied' }] };
const fleetTable = (phase: 'InSync' | 'Missing' | 'Invalid') => ({
  routeTableId: 'rtb-00000001',
  orders: noOrders,
  status: {
    routeTableId: 'rtb-00000001',
    phase,
    reason: '',
    failures: [],
    trigger: { kind: 'sweep' as const },
    checkedAt: now.toISOString(),
    changedAt: now.toISOString(),
  },
});

describe('a check of routectl doctor', () => {
  it.each<[string, Omit<Finding, 'check'>]>([
    ['a trail that records writes', trailAnswer([{ ...trail, isLogging: false }, trail])],
    ['an enabled rule with a target', ruleAnswer('calls', { isEnabled: true, targets: 1 })],
    ['a function that may change routes', abilityAnswer('Sweep', able)],
    ['a function that only observes', abilityAnswer('Sweep', { ...able, onlyObserves: true })],
    ['enabled mappings', mappingsAnswer('OnRequeue', ['Enabled'], 1)],
    ['an enabled schedule', scheduleAnswer('sweeps', { isEnabled: true, expression: 'rate(5 minutes)' })],
    ['a sweep of a minute ago', sweepAnswer(sweep(), now)],
    ['a sweep that still runs after one that ended', sweepAnswer(nextSweep(), now)],
    ['an empty queue', queueAnswer('FailedRecords', 'https://queue', 0)],
    ['alarms of which none is raised', alarmsAnswer([alarm])],
    ['a confirmed subscription', subscriptionsAnswer(topic, { confirmed: 1, pending: 1 })],
    ['items of tables that exist', itemsAnswer([fleetTable('InSync')], sweep())],
  ])('is content with %s', (_, answer) => {
    expect(answer.result).toBe('ok');
    expect(answer).not.toHaveProperty('todo');
  });

  it.each<[string, Omit<Finding, 'check'>, string]>([
    ['no trail', trailAnswer([]), 'aws cloudtrail create-trail'],
    ['a trail that is stopped', trailAnswer([{ ...trail, isLogging: false }]), 'start-logging --name arn:trail'],
    ['a trail without writes', trailAnswer([{ ...trail, recordsWrites: false }]), 'aws cloudtrail create-trail'],
    ['a disabled rule', ruleAnswer('calls', { isEnabled: false, targets: 1 }), 'aws events enable-rule --name calls'],
    ['a rule without a target', ruleAnswer('calls', { isEnabled: true, targets: 0 }), 'deploy again'],
    ['a function that is stopped', abilityAnswer('Sweep', { ...able, isStopped: true }), 'delete-function-concurrency'],
    ['a function whose role may not write', abilityAnswer('Sweep', { ...able, denied: [denial] }), 'deploy again'],
    ['a disabled mapping', mappingsAnswer('OnDesiredChange', ['Enabled', 'Disabled'], 2), '--enabled'],
    ['a missing mapping', mappingsAnswer('OnDesiredChange', ['Enabled'], 2), 'deploy again'],
    ['a disabled schedule', scheduleAnswer('sweeps', { isEnabled: false, expression: '' }), 'deploy again'],
    ['no sweep', sweepAnswer(undefined, now), 'wait for one interval'],
    ['a sweep of 16 minutes ago', sweepAnswer(sweep(), minutesAfter(16)), 'the function Sweep'],
    ['a sweep that could not read a table', sweepAnswer(sweep({ unknown: unread }), now), 'status --phase Unknown'],
    ['messages in a dead-letter queue', queueAnswer('FailedRecords', 'https://queue', 2), '--queue-url https://queue'],
    ['a raised alarm', alarmsAnswer([alarm, { ...alarm, isRed: true }]), 'docs/runbook.md'],
    ['no alarm at all', alarmsAnswer([]), 'deploy again'],
    ['nobody who subscribes', subscriptionsAnswer(topic, { confirmed: 0, pending: 0 }), 'aws sns subscribe'],
    ['a subscription to confirm', subscriptionsAnswer(topic, { confirmed: 0, pending: 1 }), 'open the link'],
    ['an item with a wrong key', itemsAnswer([], sweep({ unusable: unread })), 'correct its key'],
    ['an item of no table', itemsAnswer([fleetTable('Missing')], sweep()), 'delete the items'],
    ['an invalid item', itemsAnswer([fleetTable('Invalid')], sweep()), 'routectl status rtb-00000001'],
  ])('names %s, and what to do', (_, answer, todo) => {
    expect(answer).toMatchObject({ result: 'problem', todo: expect.stringContaining(todo) });
  });

  it('warns of a table that is nearly full, and finds a problem in a full one', () => {
    const with4 = (ipv4: number) => new Map([['rtb-00000001', { ipv4, ipv6: 2, unknown: [] }]]);
    expect(headroomAnswer(with4(449), 500)).toEqual({
      result: 'ok',
      found: 'the fullest: rtb-00000001 has 449 of 500 IPv4 routes',
    });
    expect(headroomAnswer(with4(450), 500)).toMatchObject({
      result: 'warning',
      todo: expect.stringContaining('quota'),
    });
    expect(headroomAnswer(with4(500), 500).result).toBe('problem');
    expect(
      headroomAnswer(new Map([['rtb-00000001', { ipv4: 1, ipv6: 0, unknown: ['pl-aaaaaaaa'] }]]), 500).found,
    ).toContain('the size of pl-aaaaaaaa is unknown and not counted');
  });

  it('warns of silent alarms, and of a fleet without tables', () => {
    expect(alarmsAnswer([{ ...alarm, isSilent: true }]).result).toBe('warning');
    expect(itemsAnswer([], undefined).result).toBe('warning');
  });
});

function nextSweep(): SweepRecord {
  const { endedAt: _, ...running } = sweep();
  const { startedAt, endedAt = '', unknown } = sweep();
  return { ...running, lastCompleted: { startedAt, endedAt, unknown, items: 3 } };
}

describe('an action of a role', () => {
  const action = 'ec2:CreateRoute';
  const denial = (decision: EvaluationResult['EvalDecision'], detail: Partial<EvaluationResult> = {}) =>
    denialIn({ EvalActionName: action, EvalDecision: decision, ...detail });

  it('is denied, and the reason is named', () => {
    const boundary = { PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: false } };
    const organization = { OrganizationsDecisionDetail: { AllowedByOrganizations: false } };
    expect(denial('implicitDeny')).toEqual({ action, by: 'nothing allows it' });
    expect(denial('explicitDeny')).toEqual({ action, by: 'a policy denies it' });
    expect(denial('implicitDeny', boundary)).toEqual({ action, by: 'its permissions boundary' });
    expect(denial('explicitDeny', organization)).toEqual({ action, by: 'a policy of the organization' });
  });

  it('is allowed, also if the tag of a table decides', () => {
    expect(denial('allowed')).toBeUndefined();
    expect(denial('implicitDeny', { MissingContextValues: ['ec2:ResourceTag/managed'] })).toBeUndefined();
  });
});

describe('a trail that cannot be read', () => {
  const denied = { status: 'rejected', reason: new Error('denied') } as const;
  const read = (isLogging: boolean) => ({ status: 'fulfilled', value: { ...trail, isLogging } }) as const;

  it('does not matter if another one is enough', () => {
    expect(enoughOf([denied, read(true)])).toEqual([trail]);
  });

  it('leaves it unknown whether there is one, if no other is enough', () => {
    expect(() => enoughOf([read(false), denied])).toThrow('denied');
  });
});

describe('a trail', () => {
  const management = { Field: 'eventCategory', Equals: ['Management'] };
  it.each([
    ['all management events', { EventSelectors: [{ IncludeManagementEvents: true }] }, true],
    ['writes', { EventSelectors: [{ ReadWriteType: 'WriteOnly' as const, IncludeManagementEvents: true }] }, true],
    ['reads', { EventSelectors: [{ ReadWriteType: 'ReadOnly' as const, IncludeManagementEvents: true }] }, false],
    ['data events', { EventSelectors: [{ IncludeManagementEvents: false }] }, false],
    ['nothing', {}, false],
    ['management events by field', { AdvancedEventSelectors: [{ FieldSelectors: [management] }] }, true],
    [
      'reads by field',
      { AdvancedEventSelectors: [{ FieldSelectors: [management, { Field: 'readOnly', Equals: ['true'] }] }] },
      false,
    ],
    [
      'data events by field',
      { AdvancedEventSelectors: [{ FieldSelectors: [{ Field: 'eventCategory', Equals: ['Data'] }] }] },
      false,
    ],
    [
      'everything but EC2',
      {
        AdvancedEventSelectors: [
          { FieldSelectors: [management, { Field: 'eventSource', NotEquals: ['ec2.amazonaws.com'] }] },
        ],
      },
      false,
    ],
  ])('with %s: does it record calls that change routes?', (_, selectors, expected) => {
    expect(recordsWrites(selectors)).toBe(expected);
  });
});

describe('the room that routes take', () => {
  it('counts families apart, prefix lists with their maximum, and no propagated route', () => {
    const routes = [
      local('10.0.0.0/16'),
      actual(route('0.0.0.0/0', 'nat-aaaaaaaa')),
      actual(route('::/0', 'eigw-aaaaaaaa')),
      propagated('192.168.0.0/16'),
      actual(route('pl-aaaaaaaa', 'tgw-aaaaaaaa')),
      actual(route('pl-bbbbbbbb', 'tgw-aaaaaaaa')),
    ];
    const sizes = new Map([['pl-aaaaaaaa', { family: 'ipv4', routes: 100 } as const]]);
    expect(occupiedBy(routes, sizes)).toEqual({ ipv4: 102, ipv6: 1, unknown: ['pl-bbbbbbbb'] });
  });

  it.each([
    ['of ours', { OwnerId: '111122223333', MaxEntries: 20, AddressFamily: 'IPv6' }, { family: 'ipv6', routes: 20 }],
    [
      'of S3',
      { OwnerId: 'AWS', PrefixListName: 'com.amazonaws.eu-west-1.s3', AddressFamily: 'IPv4' },
      { family: 'ipv4', routes: 1 },
    ],
    [
      'of S3 Express',
      { OwnerId: 'AWS', PrefixListName: 'com.amazonaws.eu-west-1.s3express' },
      { family: 'ipv4', routes: 6 },
    ],
    [
      'of AWS, with another name',
      { OwnerId: 'AWS', PrefixListName: 'com.amazonaws.global.new', MaxEntries: 3 },
      undefined,
    ],
  ])('is known for a prefix list %s', (_, list, size) => {
    expect(sizeOf(list)).toEqual(size);
  });
});

describe('a round trip', () => {
  /** A world in which the event of a call is recorded after some time. Tags are kept. */
  function world(eventAfterMs: number) {
    let passed = 0;
    const tags: string[] = [];
    const call = { id: '1', name: 'CreateTags', time: now.toISOString(), about: 'table' as const };
    return {
      tags,
      tag: {
        put: async (id: string) => void tags.push(id),
        remove: async () => void tags.pop(),
      },
      reader: {
        table: async () => ({
          status: undefined,
          runs: [],
          calls: tags.length > 0 && passed >= eventAfterMs ? [call] : [],
          sweep: undefined,
        }),
      },
      now: () => new Date(now.getTime() + passed),
      sleep: async (ms: number) => void (passed += ms),
    };
  }

  it('times the event of a call, and leaves no tag', async () => {
    const around = world(7_000);
    expect(await roundTrip('rtb-00000001', around)).toEqual({
      result: 'ok',
      found: 'the event of a call reached rtb-00000001 within 8.0 s',
    });
    expect(around.tags).toEqual([]);
  });

  it('is a problem if no event comes within 5 minutes, and leaves no tag', async () => {
    const around = world(Infinity);
    expect(await roundTrip('rtb-00000001', around)).toMatchObject({ result: 'problem', todo: expect.any(String) });
    expect(around.tags).toEqual([]);
  });

  it('leaves no tag if the tables cannot be read', async () => {
    const around = world(0);
    const broken = { ...around, reader: { table: () => Promise.reject(new Error('denied')) } };
    await expect(roundTrip('rtb-00000001', broken)).rejects.toThrow('denied');
    expect(around.tags).toEqual([]);
  });
});

// ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────

const parts = vi.hoisted((): { reader: DeploymentReader | undefined } => ({ reader: undefined }));
vi.mock(import('../../cli/caller.ts'), async (original) => ({
  ...(await original()),
  enterAws: async () => ({ region: 'eu-west-1' }),
}));
vi.mock(import('../../reconciler/aws/deployment-reader.ts'), async (original) => ({
  ...(await original()),
  deploymentReader: () => {
    if (!parts.reader) throw new Error('the test set no reader');
    return parts.reader;
  },
}));
vi.mock(import('../../reconciler/aws/dynamodb/fleet-reader.ts'), () => ({
  fleetReader: () => ({
    fleet: async () => ({
      tables: [fleetTable('InSync')],
      sweep: sweep({ endedAt: new Date().toISOString() }),
      stops: [],
    }),
    table: () => Promise.reject(new Error('the doctor reads no single table')),
  }),
}));

vi.mock(import('../../reconciler/aws/ec2/route-tables.ts'), () => ({
  ec2RouteTables: () => ({
    read: async () => undefined,
    async *readMany() {
      yield table([local('10.0.0.0/16')]);
    },
    together: () => async () => undefined,
    apply: async () => {},
  }),
}));

const healthy: DeploymentReader = {
  routeQuota: async () => 500,
  listSizes: async () => new Map(),
  outputs: async () => new Map([['RuleName', 'calls']]),
  trails: async () => [trail],
  rule: async () => ({ isEnabled: true, targets: 1 }),
  ability: async () => able,
  mappings: async () => ['Enabled', 'Enabled'],
  schedule: async () => ({ isEnabled: true, expression: 'rate(5 minutes)' }),
  messages: async () => 0,
  alarms: async () => [alarm],
  subscriptions: async () => ({ confirmed: 1, pending: 0 }),
};
beforeEach(() => void (parts.reader = healthy));

async function examined(json = false) {
  const printed: string[] = [];
  const terminal = {
    print: (text: string) => void printed.push(text),
    note: () => {},
    look: { paint: (_: unknown, text: string) => text },
  };
  const names = { desiredTable: 'DesiredRouteTables', ordersTable: 'RouteTableOrders', stateTable: 'RouteTableStates' };
  const code = await doctor({ ...names, stack: 'RouteReconciler', json }, terminal);
  return { code, text: printed.join('\n') };
}

describe('routectl doctor', () => {
  it('exits with 0 if every part is well', async () => {
    const { code, text } = await examined();
    expect(code).toBe(0);
    expect(text.split('\n').every((line) => line.startsWith('  ✓ ok '))).toBe(true);
    expect(text).toMatch(/✓ ok +queue +FailedRequeues is empty/);
  });

  it('exits with 1 at a problem and says what to do, and goes on', async () => {
    parts.reader = { ...healthy, trails: async () => [] };
    const { code, text } = await examined();
    expect(code).toBe(1);
    expect(text).toMatch(/✗ problem +trail +no trail in this Region.*; to do: aws cloudtrail create-trail/);
    expect(text).toMatch(/✓ ok +subscriptions/);
  });

  it('calls what it cannot read unknown, never well, and names the permission', async () => {
    const denied = Object.assign(new Error('no'), { name: 'AccessDenied' });
    parts.reader = { ...healthy, alarms: () => Promise.reject(denied) };
    const { code, text } = await examined();
    expect(code).toBe(1);
    expect(text).toMatch(/\? unknown +alarms +could not be read: .* they need cloudwatch:DescribeAlarms \(no\)/);
  });

  it('checks what is no part of the stack even if the stack is not found or cannot be read', async () => {
    parts.reader = { ...healthy, outputs: async () => undefined };
    const { code, text } = await examined(true);
    const shown = text.split('\n').map((line): unknown => JSON.parse(line));
    expect({ code, shown }).toMatchObject({
      code: 1,
      shown: [
        { check: 'trail', result: 'ok' },
        { check: 'sweep', result: 'ok' },
        { check: 'items', result: 'ok' },
        { check: 'headroom', result: 'ok' },
        { check: 'stack', result: 'problem', todo: expect.stringContaining('--stack') },
      ],
    });
    parts.reader = { ...healthy, outputs: () => Promise.reject(new Error('denied')) };
    expect((await examined()).text).toMatch(/\? unknown +stack +could not be read: denied/);
  });

  it('exits with 2 at a warning', async () => {
    parts.reader = { ...healthy, alarms: async () => [{ ...alarm, isSilent: true }] };
    expect((await examined()).code).toBe(2);
  });
});
