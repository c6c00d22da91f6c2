import { describe, expect, it } from 'vitest';
import { describeChange } from '../../../../reconciler/core/route/change.ts';
import { parseDesired } from '../../../../reconciler/core/desired/desired.ts';
import type { Memory, Remembered } from '../../../../reconciler/core/memory/memory.ts';
import { type PlanJson, plan, planAsJson, planForMissingTable } from '../../../../reconciler/core/plan/plan.ts';
import type { ActualRoute } from '../../../../reconciler/core/route/route.ts';
import {
  actual,
  approving,
  codes,
  desired,
  item,
  lattice,
  local,
  minutesAfter,
  now,
  otherOwnerId,
  ownerId,
  propagated,
  memory,
  route,
  routeTableId,
  table,
  throughInstance,
} from '../../../support/builders.ts';

type Given = Parameters<typeof desired>;

/** The plan of a desired item for some actual routes, as JSON. */
const planOf = (
  item: Given,
  routes: readonly ActualRoute[],
  { table: more = {}, ...context }: { table?: Parameters<typeof table>[1]; memory?: Memory } = {},
): PlanJson => planAsJson(plan(desired(...item), table(routes, more), { now, ...context }));

const overriding = (destination: string, target: string): Given => [
  {},
  { routes: [{ destination, target, overrideLocal: true }] },
];

const owned = (target: string) => ({ memory: memory({ '10.20.0.0/16': { ours: target } }) });

const ignoring = (entry: Record<string, unknown>) => ({ ignore: [{ reason: 'firewall', ...entry }] });

describe('plan', () => {
  it('has the JSON form that other programs read', () => {
    const given = desired(
      {
        '0.0.0.0/0': 'nat-aaaaaaaa',
        '10.20.0.0/16': 'pcx-bbbbbbbb',
        '10.21.0.0/16': 'pcx-bbbbbbbb',
        '10.22.0.0/16': 'pcx-bbbbbbbb',
      },
      { maxDeletes: 0 },
    );
    const found = table([
      local('10.0.0.0/16'),
      actual(route('0.0.0.0/0', 'nat-aaaaaaaa'), { state: 'blackhole' }),
      actual(route('10.20.0.0/16', 'pcx-aaaaaaaa')),
      actual(route('10.22.0.0/16', 'pcx-bbbbbbbb')),
      actual(route('10.99.0.0/16', 'igw-aaaaaaaa')),
    ]);
    const planned = plan(given, found, { now });
    expect(JSON.parse(JSON.stringify(planAsJson(planned)))).toEqual({
      routeTableId,
      inSync: false,
      planId: expect.stringMatching(/^[0-9a-f]{12}$/),
      changes: [
        { action: 'replace', destination: '10.20.0.0/16', from: 'pcx-aaaaaaaa', to: 'pcx-bbbbbbbb' },
        { action: 'delete', destination: '10.99.0.0/16', from: 'igw-aaaaaaaa' },
        { action: 'create', destination: '10.21.0.0/16', to: 'pcx-bbbbbbbb' },
      ],
      unchanged: 2,
      leftAlone: [{ destination: '10.0.0.0/16', target: 'local', reason: 'local' }],
      findings: [
        {
          code: 'blackhole',
          destination: '0.0.0.0/0',
          target: 'nat-aaaaaaaa',
          message:
            '0.0.0.0/0 is routed to nat-aaaaaaaa as desired, but that target is gone or detached: traffic is dropped; restore the target or, if it was deleted, list another one',
        },
      ],
      blocked: {
        code: 'too-many-deletes',
        message: `the plan deletes 1 route; more than 0 deletes need approval: approve it, list the route, or ignore it`,
        deletes: [{ destination: '10.99.0.0/16', target: 'igw-aaaaaaaa', code: 'too-many-deletes' }],
      },
    });
  });

  it('is in sync and has no findings when every listed route is as desired', () => {
    const found = [actual(route('10.20.0.0/16', 'pcx-aaaaaaaa'))];
    expect(planOf([{ '10.20.0.0/16': 'pcx-aaaaaaaa' }], found)).toEqual({
      routeTableId,
      inSync: true,
      planId: expect.any(String),
      changes: [],
      unchanged: 1,
      leftAlone: [],
      findings: [],
    });
  });

  it('does not change its input', () => {
    const given = desired({ '10.20.0.0/16': 'pcx-aaaaaaaa' });
    const found = table([propagated('10.20.0.0/16'), actual(route('10.21.0.0/16', 'pcx-aaaaaaaa'))]);
    const before = structuredClone([given, found]);
    plan(given, found, { now });
    expect([given, found]).toEqual(before);
  });

  describe('decides for each destination', () => {
    const wanted: Given = [{ '10.20.0.0/16': 'pcx-aaaaaaaa' }];
    const right = actual(route('10.20.0.0/16', 'pcx-aaaaaaaa'));
    const wrong = actual(route('10.20.0.0/16', 'pcx-bbbbbbbb'));
    const create = { action: 'create', destination: '10.20.0.0/16', to: 'pcx-aaaaaaaa' };
    const replace = { action: 'replace', destination: '10.20.0.0/16', from: 'pcx-bbbbbbbb', to: 'pcx-aaaaaaaa' };
    const remove = { action: 'delete', destination: '10.20.0.0/16', from: 'pcx-bbbbbbbb' };

    it.each<[string, readonly ActualRoute[], Given, unknown[]]>([
      ['nothing there, listed: create', [], wanted, [create]],
      ['only a propagated route there, listed: create', [propagated('10.20.0.0/16')], wanted, [create]],
      ['only a propagated route to the listed target: create', [{ ...right, origin: 'propagated' }], wanted, [create]],
      ['only an advertised route there, listed: create', [{ ...wrong, origin: 'advertised' }], wanted, [create]],
      ['as listed: nothing', [right], wanted, []],
      ['as listed, a blackhole: nothing', [{ ...right, state: 'blackhole' }], wanted, []],
      ['as listed, filtered: nothing', [{ ...right, state: 'filtered' }], wanted, []],
      ['as listed, beside a propagated route: nothing', [propagated('10.20.0.0/16'), right], wanted, []],
      ['another target: replace', [wrong], wanted, [replace]],
      ['another target, a blackhole: replace', [{ ...wrong, state: 'blackhole' }], wanted, [replace]],
      ['another target, filtered: replace', [{ ...wrong, state: 'filtered' }], wanted, [replace]],
      ['another target, beside a propagated route: replace', [propagated('10.20.0.0/16'), wrong], wanted, [replace]],
      ['not listed: delete', [wrong], [{}], [remove]],
      ['not listed, a blackhole: delete', [{ ...wrong, state: 'blackhole' }], [{}], [remove]],
      ['not listed, filtered: delete', [{ ...wrong, state: 'filtered' }], [{}], [remove]],
      ['nothing there, not listed: nothing', [], [{}], []],
      ['only a propagated route there, not listed: nothing', [propagated('10.20.0.0/16')], [{}], []],
      ['local, listed as local: nothing', [local('10.20.0.0/16')], [{ '10.20.0.0/16': 'local' }], []],
      ['local, not listed: nothing', [local('10.20.0.0/16')], [{}], []],
      [
        'overridden local, listed as local: replace',
        [actual(route('10.20.0.0/16', 'nat-aaaaaaaa'), { origin: 'with-table' })],
        [{ '10.20.0.0/16': 'local' }],
        [{ action: 'replace', destination: '10.20.0.0/16', from: 'nat-aaaaaaaa', to: 'local' }],
      ],
      [
        'local, listed as an override: replace',
        [local('10.20.0.0/16')],
        overriding('10.20.0.0/16', 'vpce-aaaaaaaa'),
        [{ action: 'replace', destination: '10.20.0.0/16', from: 'local', to: 'vpce-aaaaaaaa' }],
      ],
      [
        'overridden local, listed as another override: replace',
        [actual(route('10.20.0.0/16', 'nat-aaaaaaaa'), { origin: 'with-table' })],
        overriding('10.20.0.0/16', 'eni-aaaaaaaa'),
        [{ action: 'replace', destination: '10.20.0.0/16', from: 'nat-aaaaaaaa', to: 'eni-aaaaaaaa' }],
      ],
      [
        'overridden local, listed with the same override: nothing',
        [actual(route('10.20.0.0/16', 'nat-aaaaaaaa'), { origin: 'with-table' })],
        overriding('10.20.0.0/16', 'nat-aaaaaaaa'),
        [],
      ],
      ['nothing there, listed as local: nothing', [], [{ '10.20.0.0/16': 'local' }], []],
    ])('%s', (_, found, given, changes) => {
      expect(planOf(given, found).changes).toEqual(changes);
    });

    it('treats an instance and its interface as one target', () => {
      const found = [
        throughInstance('10.20.0.0/16', { eni: 'eni-aaaaaaaa', instance: 'i-aaaaaaaa' }),
        throughInstance('10.21.0.0/16', { eni: 'eni-aaaaaaaa', instance: 'i-aaaaaaaa' }),
        throughInstance('10.22.0.0/16', { eni: 'eni-aaaaaaaa', instance: 'i-aaaaaaaa' }),
      ];
      const given = { '10.20.0.0/16': 'i-aaaaaaaa', '10.21.0.0/16': 'eni-aaaaaaaa', '10.22.0.0/16': 'i-bbbbbbbb' };
      expect(planOf([given], found)).toMatchObject({
        changes: [{ action: 'replace', destination: '10.22.0.0/16', from: 'eni-aaaaaaaa', to: 'i-bbbbbbbb' }],
        unchanged: 2,
      });
    });

    it('treats two spellings of one block as one destination', () => {
      expect(
        planOf([{ '2001:DB8:0::7/32': 'pcx-aaaaaaaa' }], [actual(route('2001:db8::/32', 'pcx-aaaaaaaa'))]),
      ).toMatchObject({ changes: [], unchanged: 1 });
    });
  });

  it('sorts replaces before deletes before creates, each by family, numeric address and length', () => {
    const given = {
      'pl-aaaaaaaa': 'pcx-aaaaaaaa',
      'fd00::/8': 'pcx-aaaaaaaa',
      '2001:db8::/32': 'pcx-aaaaaaaa',
      '100.0.0.0/8': 'pcx-aaaaaaaa',
      '10.0.0.0/16': 'pcx-aaaaaaaa',
      '10.0.0.0/8': 'pcx-aaaaaaaa',
      '9.0.0.0/8': 'pcx-aaaaaaaa',
    };
    const found = ['fd00::/8', '100.0.0.0/8', '9.0.0.0/8', '11.0.0.0/8', '2.0.0.0/8', 'pl-bbbbbbbb'];
    const { changes } = planOf(
      [given, { maxDeletes: 9 }],
      found.map((text) => actual(route(text, 'pcx-bbbbbbbb'))),
    );
    expect(changes.map(({ action, destination }) => `${action} ${destination}`)).toEqual([
      'replace 9.0.0.0/8',
      'replace 100.0.0.0/8',
      'replace fd00::/8',
      'delete 2.0.0.0/8',
      'delete 11.0.0.0/8',
      'delete pl-bbbbbbbb',
      'create 10.0.0.0/8',
      'create 10.0.0.0/16',
      'create 2001:db8::/32',
      'create pl-aaaaaaaa',
    ]);
  });

  describe('leaves alone, listed or not', () => {
    const endpoint = actual(route('pl-aaaaaaaa', 'vpce-aaaaaaaa'));
    const foreign = throughInstance('10.20.0.0/16', { owner: otherOwnerId });

    it.each<[string, ActualRoute, string]>([
      ['a local route', local('10.20.0.0/16'), 'local'],
      ['a gateway endpoint of S3 or DynamoDB', endpoint, 'gateway-endpoint'],
      ['a route of VPC Lattice', lattice('pl-aaaaaaaa'), 'lattice'],
      [
        'a target of an unknown kind',
        { ...foreign, target: { kind: 'unknown', text: 'MoonGatewayId=moon-1' } },
        'unknown',
      ],
      ['an unknown origin', actual(route('10.20.0.0/16', 'pcx-bbbbbbbb'), { origin: 'unknown' }), 'unknown'],
      ['an unknown state', actual(route('10.20.0.0/16', 'pcx-bbbbbbbb'), { state: 'unknown' }), 'unknown'],
    ])('%s', (_, found, reason) => {
      const destination = found.spelling;
      const unlisted = planOf([{}], [found]);
      expect(unlisted).toMatchObject({ inSync: true, changes: [], unchanged: 0, leftAlone: [{ destination, reason }] });
      expect(unlisted.findings).toEqual([]);
      const listed = planOf([{ [destination]: 'pcx-aaaaaaaa' }], [found]);
      expect(listed).toMatchObject({ inSync: false, changes: [], unchanged: 0, leftAlone: [{ destination, reason }] });
      expect(codes(listed.findings)).toEqual([`not-ours ${destination}`]);
    });

    it.each<[string, ActualRoute, string]>([
      ['a propagated route', propagated('10.20.0.0/16'), 'propagated'],
      ['an advertised route', actual(route('10.20.0.0/16', 'eni-aaaaaaaa'), { origin: 'advertised' }), 'advertised'],
    ])('%s', (_, found, reason) => {
      const leftAlone = [{ destination: '10.20.0.0/16', target: expect.any(String), reason }];
      expect(planOf([{}], [found])).toMatchObject({ inSync: true, changes: [], leftAlone });
      expect(planOf([{ '10.20.0.0/16': 'pcx-aaaaaaaa' }], [found])).toMatchObject({
        changes: [{ action: 'create' }],
        leftAlone,
      });
    });

    it('a destination of an unknown kind', () => {
      const found = actual(route('::/0', 'igw-aaaaaaaa'), { destination: { kind: 'unknown', text: 'moon/1' } });
      const leftAlone = [{ destination: 'moon/1', target: 'igw-aaaaaaaa', reason: 'unknown' }];
      expect(planOf([{}], [found])).toMatchObject({ inSync: true, changes: [], leftAlone });
    });

    it('the local route, even if EC2 shows another static route for its destination', () => {
      const found = [actual(route('10.20.0.0/16', 'pcx-bbbbbbbb')), local('10.20.0.0/16')];
      expect(planOf([{}], found)).toMatchObject({
        changes: [],
        leftAlone: [{ reason: 'local' }, { reason: 'unknown' }],
      });
    });

    it('a second static route for a destination, which EC2 should never show', () => {
      const found = [actual(route('10.20.0.0/16', 'pcx-bbbbbbbb')), actual(route('10.20.0.0/16', 'pcx-aaaaaaaa'))];
      expect(planOf([{ '10.20.0.0/16': 'pcx-aaaaaaaa' }], found)).toMatchObject({
        changes: [],
        unchanged: 1,
        leftAlone: [{ destination: '10.20.0.0/16', target: 'pcx-bbbbbbbb', reason: 'unknown' }],
      });
    });
  });

  it('does not know whose an interface is when the owner of the table is unknown', () => {
    const { ownerId: _, ...ownerless } = table([throughInstance('10.20.0.0/16')]);
    expect(plan(desired({}), ownerless, { now }).blocked).toMatchObject({ code: 'maybe-not-ours' });
  });

  it('repairs a route to a gateway even if EC2 also shows an interface', () => {
    const found = actual(route('0.0.0.0/0', 'nat-bbbbbbbb'), { instance: { ownerId: 'amazon-aws' } });
    expect(planOf([{ '0.0.0.0/0': 'nat-aaaaaaaa' }], [found]).changes).toMatchObject([{ action: 'replace' }]);
  });

  it('treats a prefix list route as ordinary unless its target is an endpoint or VPC Lattice', () => {
    expect(planOf([{}], [actual(route('pl-aaaaaaaa', 'tgw-aaaaaaaa'))]).changes).toMatchObject([{ action: 'delete' }]);
    expect(planOf([{}], [actual(route('10.20.0.0/16', 'vpce-aaaaaaaa'))]).changes).toMatchObject([
      { action: 'delete' },
    ]);
  });

  describe('a route whose target cannot be read, at a listed destination,', () => {
    const [destination, target] = ['10.20.0.0/16', 'pcx-aaaaaaaa'] as const;
    const unread = actual(route(destination, target), { target: { kind: 'unknown', text: 'no target' } });
    const planOf = (remembered: Remembered, found = unread) =>
      plan(desired({ [destination]: target }), table([found]), { now, memory: memory({ [destination]: remembered }) });

    it('is replaced if a read has shown the listed target there, or we wrote it', () => {
      expect(planOf({ listed: true, seenAsListed: true }).changes).toMatchObject([{ action: 'replace', from: unread }]);
    });

    it.each<[string, Remembered, ActualRoute]>([
      ['nobody knows that the destination is ours', { listed: true }, unread],
      ['its state is unknown too', { listed: true, seenAsListed: true }, { ...unread, state: 'unknown' }],
    ])('is left alone if %s, and the finding says how to end that', (_, remembered, found) => {
      const { changes, findings } = planOf(remembered, found);
      expect(changes).toEqual([]);
      expect(findings).toMatchObject([{ code: 'not-ours', message: expect.stringContaining('delete the route') }]);
    });

    it('is left alone if its origin is unknown too', () => {
      expect(planOf({ listed: true, seenAsListed: true }, { ...unread, origin: 'unknown' }).changes).toEqual([]);
    });
  });

  describe('what looks like somebody else', () => {
    const destination = '10.20.0.0/16';
    const foreign = throughInstance(destination, { owner: otherOwnerId });
    const item = { [destination]: 'pcx-aaaaaaaa' };

    it('is a delete when it is unlisted, which waits', () => {
      expect(planOf([{}], [foreign])).toMatchObject({
        inSync: false,
        changes: [{ action: 'delete', destination }],
        leftAlone: [],
        blocked: { code: 'maybe-not-ours', deletes: [{ destination, code: 'maybe-not-ours' }] },
      });
    });

    it('is left alone at a listed destination until a read has shown the listed target there', () => {
      expect(planOf([item], [foreign])).toMatchObject({
        inSync: false,
        changes: [],
        leftAlone: [{ destination, reason: 'maybe-not-ours' }],
        findings: [
          { code: 'not-ours', message: expect.stringContaining(`leads to an interface of account ${otherOwnerId}`) },
        ],
      });
      const remembered = { memory: memory({ [destination]: { seenAsListed: true } }) };
      expect(planOf([item], [foreign], remembered)).toMatchObject({ changes: [{ action: 'replace' }], leftAlone: [] });
    });

    it('is replaced at a listed destination if a person approves it', () => {
      const approved = approving(desired(item), { [destination]: 'i-aaaaaaaa' });
      const found = table([foreign]);
      expect(plan(approved, found, { now, memory: memory() }).changes).toMatchObject([{ action: 'replace' }]);
    });

    it('is nobody’s at a listed destination if it is a blackhole', () => {
      const dead = { ...foreign, state: 'blackhole' as const };
      expect(planOf([item], [dead]).changes).toMatchObject([{ action: 'replace' }]);
    });
  });

  describe('a local route that somebody retargeted', () => {
    const destination = '10.0.0.0/16';
    const retargeted = actual(route(destination, 'eni-aaaaaaaa'), { origin: 'with-table' });
    const wasLocal = { memory: memory({ [destination]: { wasLocal: true } }) };
    const putBack = [{ action: 'replace', destination, from: 'eni-aaaaaaaa', to: 'local' }];

    it.each(['with-table', 'created'] as const)('is put back, whatever origin EC2 shows: %s', (origin) => {
      const found = { ...retargeted, origin };
      expect(planOf([{}], [found], wasLocal)).toMatchObject({ inSync: false, changes: putBack });
      expect(planOf([{}, { unlisted: 'keep' }], [found], wasLocal).changes).toMatchObject(putBack);
    });

    it.each<[string, Parameters<typeof desired>[1], string]>([
      ['is out of scope', { scope: ['10.1.0.0/16'] }, 'out-of-scope'],
      ['is ignored', { ignore: [{ destination, reason: 'x' }] }, 'ignored'],
    ])('is left alone if it %s', (_, fields, reason) => {
      expect(planOf([{}, fields], [retargeted], wasLocal)).toMatchObject({ changes: [], leftAlone: [{ reason }] });
    });

    it('is left alone if it was overridden before the table was adopted, and is reported', () => {
      expect(planOf([{}], [retargeted], { memory: memory() })).toMatchObject({
        inSync: false,
        changes: [],
        leftAlone: [{ reason: 'local-overridden' }],
        findings: [{ code: 'local-overridden', destination, target: 'eni-aaaaaaaa' }],
      });
    });
  });

  it('deletes routes to public destinations first', () => {
    const found = ['10.1.0.0/16', '128.0.0.0/1', '192.168.0.0/16', '0.0.0.0/1', 'pl-aaaaaaaa'];
    const { changes } = planOf(
      [{}],
      found.map((text) => actual(route(text, 'pcx-aaaaaaaa'))),
    );
    expect(changes.map(({ destination }) => destination)).toEqual([
      '0.0.0.0/1',
      '128.0.0.0/1',
      '10.1.0.0/16',
      '192.168.0.0/16',
      'pl-aaaaaaaa',
    ]);
  });

  describe('with scope', () => {
    it('leaves alone routes outside the scope, and manages routes equal to or inside it', () => {
      const found = ['0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '11.0.0.0/8', '::/0', 'pl-aaaaaaaa', 'pl-bbbbbbbb'];
      const { changes, leftAlone } = planOf(
        [{}, { scope: ['10.0.0.0/8', 'pl-aaaaaaaa'] }],
        found.map((text) => actual(route(text, 'pcx-aaaaaaaa'))),
      );
      expect(changes.map(({ destination }) => destination)).toEqual(['10.0.0.0/8', '10.1.0.0/16', 'pl-aaaaaaaa']);
      expect(leftAlone.map(({ destination, reason }) => `${destination} ${reason}`)).toEqual([
        '0.0.0.0/0 out-of-scope',
        '11.0.0.0/8 out-of-scope',
        '::/0 out-of-scope',
        'pl-bbbbbbbb out-of-scope',
      ]);
    });
  });

  describe('with unlisted: keep', () => {
    const keep: Given = [{}, { unlisted: 'keep' }];
    const found = actual(route('10.20.0.0/16', 'pcx-aaaaaaaa'));
    it('leaves alone routes that were never ours', () => {
      const kept = { changes: [], inSync: true, leftAlone: [{ reason: 'unlisted-kept' }] };
      expect(planOf(keep, [found])).toMatchObject(kept);
      expect(planOf(keep, [found], { memory: memory() })).toMatchObject(kept);
      expect(planOf(keep, [found], owned('pcx-bbbbbbbb'))).toMatchObject(kept);
    });

    it('deletes routes that were ours, under either name of the target', () => {
      expect(planOf(keep, [found], owned('pcx-aaaaaaaa'))).toMatchObject({ changes: [{ action: 'delete' }] });
      expect(planOf(keep, [throughInstance('10.20.0.0/16')], owned('i-aaaaaaaa'))).toMatchObject({
        changes: [{ action: 'delete' }],
      });
    });
  });

  describe('with ignore', () => {
    const appliance = actual(route('10.20.0.0/16', 'eni-aaaaaaaa'));
    const until = minutesAfter(60).toISOString();

    it('leaves alone routes that match every field of an entry', () => {
      const byBoth = ignoring({ destination: '10.0.0.0/8', target: 'eni-*' });
      expect(planOf([{}, byBoth], [appliance])).toMatchObject({
        inSync: true,
        changes: [],
        leftAlone: [{ reason: 'ignored' }],
      });
      expect(planOf([{}, byBoth], [actual(route('10.20.0.0/16', 'nat-aaaaaaaa'))])).toMatchObject({
        changes: [{ action: 'delete' }],
      });
      expect(planOf([{}, byBoth], [actual(route('11.0.0.0/16', 'eni-aaaaaaaa'))])).toMatchObject({
        changes: [{ action: 'delete' }],
      });
    });

    it('matches an interface by the instance behind it', () => {
      const byInstance = ignoring({ target: 'i-aaaaaaaa' });
      expect(planOf([{}, byInstance], [throughInstance('10.20.0.0/16')]).leftAlone).toMatchObject([
        { reason: 'ignored' },
      ]);
    });

    it('matches only the default route when an entry names it', () => {
      const found = ['0.0.0.0/0', '10.20.0.0/16'].map((text) => actual(route(text, 'pcx-aaaaaaaa')));
      expect(planOf([{}, ignoring({ destination: '0.0.0.0/0' })], found)).toMatchObject({
        changes: [{ action: 'delete', destination: '10.20.0.0/16' }],
        leftAlone: [{ destination: '0.0.0.0/0', reason: 'ignored' }],
      });
    });

    it('does not replace an ignored route at a listed destination', () => {
      const found = planOf([{ '10.20.0.0/16': 'nat-aaaaaaaa' }, ignoring({ target: 'eni-*' })], [appliance]);
      expect(found).toMatchObject({ inSync: false, changes: [], leftAlone: [{ reason: 'ignored' }] });
      expect(codes(found.findings)).toEqual(['not-ours 10.20.0.0/16']);
    });

    it('does not replace the route until the end of the entry, if the entry has one', () => {
      const found = planOf([{ '10.20.0.0/16': 'nat-aaaaaaaa' }, ignoring({ target: 'eni-*', until })], [appliance]);
      expect(found).toMatchObject({
        inSync: true,
        changes: [],
        unchanged: 0,
        leftAlone: [{ reason: 'ignored' }],
        findings: [
          {
            code: 'ignored-until',
            destination: '10.20.0.0/16',
            target: 'nat-aaaaaaaa',
            message: `10.20.0.0/16 is suspended until ${until}: firewall`,
          },
        ],
      });
    });

    it.each<[string, readonly ActualRoute[], unknown[]]>([
      ['as listed', [actual(route('10.20.0.0/16', 'nat-aaaaaaaa'))], [{ reason: 'ignored' }]],
      ['with another target', [appliance], [{ reason: 'ignored' }]],
      ['local', [local('10.20.0.0/16')], [{ reason: 'local' }]],
      ['absent', [], []],
    ])('suspends a listed route until the end of its entry: %s', (_, found, leftAlone) => {
      const given: Given = [{ '10.20.0.0/16': 'nat-aaaaaaaa' }, ignoring({ destination: '10.20.0.0/16', until })];
      expect(planOf(given, found)).toMatchObject({
        inSync: true,
        changes: [],
        unchanged: 0,
        leftAlone,
        findings: [{ code: 'ignored-until' }],
      });
    });

    it('manages a route again when its entry has expired, and reports it', () => {
      const past = minutesAfter(-60).toISOString();
      const given = ignoring({ destination: '10.0.0.0/8', target: 'eni-*', until: past });
      const found = planOf([{ '10.20.0.0/16': 'nat-aaaaaaaa' }, given], [appliance]);
      expect(found).toMatchObject({
        changes: [{ action: 'replace' }],
        findings: [
          {
            code: 'ignore-expired',
            destination: '10.0.0.0/8',
            target: 'eni-*',
            message: `an ignore entry (firewall) expired at ${past}: the routes that it covered are managed again; extend or remove the entry`,
          },
        ],
      });
    });
  });

  describe('with a local route', () => {
    const overridden = actual(route('10.0.0.0/16', 'eni-aaaaaaaa'), { origin: 'with-table' });

    it('requires overrideLocal to retarget it', () => {
      const found = planOf([{ '10.0.0.0/16': 'nat-aaaaaaaa' }], [local('10.0.0.0/16')]);
      expect(found.findings).toEqual([
        {
          code: 'not-ours',
          destination: '10.0.0.0/16',
          target: 'nat-aaaaaaaa',
          message: '10.0.0.0/16 is the local route of a VPC CIDR block; to retarget it, set overrideLocal: true',
        },
      ]);
    });

    it('reports that a listed local route does not exist', () => {
      const found = planOf([{ '10.9.0.0/16': 'local' }], []);
      expect(found).toMatchObject({ inSync: false, changes: [] });
      expect(codes(found.findings)).toEqual(['no-local-route 10.9.0.0/16']);
    });

    it('reports an override of ours that remains after its removal from the item', () => {
      const remembered = { '10.0.0.0/16': { ours: 'eni-aaaaaaaa', overrodeLocal: true } } as const;
      // EC2 does not document which origin it shows for such a route, so both are tested.
      for (const origin of ['with-table', 'created'] as const) {
        const found = planOf([{}], [{ ...overridden, origin }], { memory: memory(remembered) });
        expect(found).toMatchObject({ inSync: false, changes: [], leftAlone: [{ reason: 'local-overridden' }] });
        expect(codes(found.findings)).toEqual(['local-override-left 10.0.0.0/16']);
      }
    });

    it.each<[string, ActualRoute, Record<string, unknown>, string]>([
      ['ignored', overridden, { ignore: [{ target: 'eni-*', reason: 'firewall' }] }, 'ignored'],
      ['of an unknown kind', { ...overridden, target: { kind: 'unknown', text: 'moon-1' } }, {}, 'unknown'],
    ])('does not change an override that is %s', (_, found, fields, reason) => {
      for (const target of ['nat-aaaaaaaa', 'local']) {
        const routes = [{ destination: '10.0.0.0/16', target, ...(target !== 'local' && { overrideLocal: true }) }];
        const planned = planOf([{}, { ...fields, routes }], [found]);
        expect(planned).toMatchObject({ inSync: false, changes: [], leftAlone: [{ reason }] });
        expect(planned.findings[0]?.message).toMatch(`is not ours to change (${reason})`);
      }
    });
  });

  describe('finds', () => {
    it.each(['blackhole', 'filtered'] as const)('a listed route that is %s; the table is in sync', (state) => {
      const found = planOf([{ '0.0.0.0/0': 'nat-aaaaaaaa' }], [actual(route('0.0.0.0/0', 'nat-aaaaaaaa'), { state })]);
      expect(found).toMatchObject({ inSync: true, changes: [], unchanged: 1 });
      expect(codes(found.findings)).toEqual([`${state} 0.0.0.0/0`]);
    });

    it('nothing about a blackhole that it is about to replace or delete', () => {
      const blackholes = ['0.0.0.0/0', '10.9.0.0/16'].map((text) =>
        actual(route(text, 'nat-bbbbbbbb'), { state: 'blackhole' }),
      );
      expect(planOf([{ '0.0.0.0/0': 'nat-aaaaaaaa' }], blackholes).findings).toEqual([]);
    });

    it('host bits that were set in the item', () => {
      expect(codes(planOf([{ '10.20.0.9/16': 'pcx-aaaaaaaa' }], []).findings)).toEqual(['host-bits 10.20.0.0/16']);
    });

    it('a listed route that wins over a propagated or advertised one', () => {
      const found = [propagated('10.20.0.0/16'), { ...throughInstance('10.20.0.0/16'), origin: 'advertised' as const }];
      const { findings } = planOf([{ '10.20.0.0/16': 'pcx-aaaaaaaa' }], found);
      expect(findings.map(({ code, message }) => `${code}: ${message}`)).toEqual([
        'shadows-propagated: 10.20.0.0/16 is also advertised by eni-aaaaaaaa: the listed static route wins over it',
        'shadows-propagated: 10.20.0.0/16 is also propagated by vgw-aaaaaaaa: the listed static route wins over it',
      ]);
    });

    it('a route it leaves alone inside a listed destination, with another target', () => {
      const found = [propagated('10.20.1.0/24', 'vgw-aaaaaaaa'), propagated('10.21.1.0/24', 'vgw-bbbbbbbb')];
      const given = { '10.20.0.0/16': 'vgw-bbbbbbbb', '10.21.0.0/16': 'vgw-bbbbbbbb', '10.0.0.0/8': 'vgw-aaaaaaaa' };
      expect(planOf([given], found).findings).toEqual([
        {
          code: 'overlaps-desired',
          destination: '10.20.1.0/24',
          target: 'vgw-aaaaaaaa',
          message:
            '10.20.1.0/24 goes to vgw-aaaaaaaa (propagated) but lies inside the listed 10.20.0.0/16 to vgw-bbbbbbbb: the longer prefix wins',
        },
      ]);
    });

    it('no overlap for a local route, a larger block, another family, or a destination that is itself listed', () => {
      const found = [
        local('10.0.0.0/16'),
        propagated('0.0.0.0/0'),
        propagated('2001:db8::/32'),
        propagated('10.20.1.0/24'),
      ];
      const given = { '10.0.0.0/8': 'pcx-aaaaaaaa', '10.20.1.0/24': 'pcx-aaaaaaaa', '0.0.0.0/1': 'pcx-aaaaaaaa' };
      expect(codes(planOf([given], found).findings)).toEqual(['shadows-propagated 10.20.1.0/24']);
    });

    it.each([
      ['contains the created block', '10.0.0.0/8', '10.20.0.0/16', ['coverage-gap 10.0.0.0/8']],
      ['lies inside the created block', '10.20.0.0/16', '10.0.0.0/8', ['coverage-gap 10.20.0.0/16']],
      ['lies beside the created block', '10.20.0.0/16', '10.21.0.0/16', []],
      ['is of another family', '172.16.0.0/12', '2001:db8::/32', []],
      ['is a prefix list', 'pl-aaaaaaaa', '10.0.0.0/8', []],
    ])(
      'a coverage gap only where a delete runs before a create: the deleted block %s',
      (_, removed, made, expected) => {
        const found = table([actual(route(removed, 'pcx-aaaaaaaa'))]);
        const item = desired({ [made]: 'pcx-aaaaaaaa' });
        const appeared = memory({ [removed]: { arrival: 'appeared' } });
        expect(codes(plan(item, found, { now, memory: appeared }).findings)).toEqual(expected);
        const ours = memory({ [removed]: { ours: 'pcx-aaaaaaaa', listed: true, arrival: 'listed' } });
        const waits = plan(item, found, { now, memory: ours });
        expect(codes(waits.findings)).toEqual([]);
        expect(waits.waiting).toEqual(expected.length > 0 ? [{ destination: removed, creates: [made] }] : undefined);
        const full = {
          action: 'create',
          code: 'RouteLimitExceeded',
          attempts: 1,
          nextRetry: now.toISOString(),
        } as const;
        const withFull = memory({ [removed]: { ours: 'pcx-aaaaaaaa', listed: true }, [made]: { refusal: full } });
        expect(codes(plan(item, found, { now, memory: withFull }).findings)).toEqual(expected);
      },
    );

    it('no coverage gap of a delete that waits for a person', () => {
      const found = table([actual(route('10.0.0.0/8', 'pcx-aaaaaaaa'))]);
      const { findings, blocked, waiting } = plan(desired({ '10.20.0.0/16': 'pcx-aaaaaaaa' }), found, {
        now,
        memory: memory(),
      });
      expect(blocked?.code).toBe('first-deletes');
      expect([codes(findings), waiting]).toEqual([[], undefined]);
    });

    it('no coverage gap between deletes, or beside a replace', () => {
      const found = ['10.0.0.0/8', '10.20.0.0/16', '10.30.0.0/16'].map((text) => actual(route(text, 'pcx-aaaaaaaa')));
      expect(planOf([{ '10.0.0.0/8': 'pcx-bbbbbbbb' }], found).findings).toEqual([]);
    });
  });

  it('has no changes and is not in sync when the table does not exist in EC2', () => {
    const given = desired({ '10.20.0.9/16': 'pcx-aaaaaaaa' });
    const missing = planForMissingTable(given);
    expect(planAsJson(missing)).toMatchObject({
      routeTableId,
      inSync: false,
      changes: [],
      unchanged: 0,
      leftAlone: [],
    });
    expect(codes(missing.findings)).toEqual(['host-bits 10.20.0.0/16', 'table-not-found']);
    expect(missing.planId).toMatch(/^[0-9a-f]{12}$/);
  });

  describe('has an id that', () => {
    const base: Given = [{ '10.20.0.0/16': 'pcx-aaaaaaaa' }];
    const found = [actual(route('10.20.0.0/16', 'pcx-bbbbbbbb'))];
    const { planId } = planOf(base, found);

    it('is the same for equal changes, whatever else differs', () => {
      const others = [...found, local('10.0.0.0/16')];
      expect(planOf([base[0], { maxDeletes: 3 }], others).planId).toBe(planId);
      expect(
        planOf(
          [{ '10.20.0.0/16': 'pcx-aaaaaaaa', '10.21.0.0/16': 'pcx-aaaaaaaa' }],
          [...found, actual(route('10.21.0.0/16', 'pcx-aaaaaaaa'))],
        ).planId,
      ).toBe(planId);
    });

    it('differs with the table, the action, the destination, the old and the new target', () => {
      const elsewhere = parseDesired({ ...item(base[0]), routeTableId: 'rtb-bbbbbbbb' }, now);
      const ids = [
        planId,
        elsewhere.ok && plan(elsewhere.table, table(found, { routeTableId: 'rtb-bbbbbbbb' }), { now }).planId,
        planOf([{ '10.20.0.0/17': 'pcx-aaaaaaaa' }], [actual(route('10.20.0.0/17', 'pcx-bbbbbbbb'))]).planId,
        planOf([{ '10.20.0.0/16': 'pcx-cccccccc' }], found).planId,
        planOf(base, [actual(route('10.20.0.0/16', 'pcx-cccccccc'))]).planId,
        planOf(base, []).planId,
        planOf([{}], found).planId,
        planOf([{}], []).planId,
      ];
      expect(new Set(ids).size).toBe(ids.length);
    });
  });

  it('compares the owner of an interface with the owner of the table', () => {
    const found = table([throughInstance('10.20.0.0/16', { owner: otherOwnerId })], { ownerId: otherOwnerId });
    expect(plan(desired({}), found, { now }).changes).toMatchObject([{ action: 'delete' }]);
    expect(ownerId).not.toBe(otherOwnerId);
  });
});

describe('describeChange', () => {
  it.each([
    [{ action: 'create', destination: '10.20.0.0/16', to: 'pcx-a' } as const, 'create 10.20.0.0/16 to pcx-a'],
    [{ action: 'delete', destination: '10.20.0.0/16', from: 'pcx-a' } as const, 'delete 10.20.0.0/16 from pcx-a'],
    [
      { action: 'replace', destination: '10.20.0.0/16', from: 'pcx-a', to: 'tgw-a' } as const,
      'replace 10.20.0.0/16 (pcx-a → tgw-a)',
    ],
    [
      { action: 'replace', destination: '10.20.0.0/16', from: 'pcx-a', to: 'tgw-a', because: 'target-down' } as const,
      'replace 10.20.0.0/16 (pcx-a → tgw-a, because pcx-a is down)',
    ],
  ])('says %j as one line', (change, line) => {
    expect(describeChange(change)).toBe(line);
  });
});
