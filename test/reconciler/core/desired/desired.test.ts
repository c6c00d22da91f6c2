import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDesired } from '../../../../reconciler/core/desired/desired.ts';
import type { Problem } from '../../../../reconciler/core/desired/problem.ts';
import { desiredTable } from '../../../support/arbitraries.ts';
import { codes, desired, item, minutesAfter, now, route, routeTableId } from '../../../support/builders.ts';

const problems = (item: unknown): readonly Problem[] => {
  const parsed = parseDesired(item, now);
  return parsed.ok ? [] : parsed.problems;
};

/** The only problem of an item. Fails if there are more. */
const theProblem = (item: unknown): Problem => {
  const [first, ...others] = problems(item);
  expect(others).toEqual([]);
  return first ?? { path: '', found: '', message: 'no problem' };
};

const inAnHour = minutesAfter(60).toISOString();
const anHourAgo = minutesAfter(-60).toISOString();

const many = (first: number) => Array.from({ length: 200 }, (_, n) => `${first}.0.${n}.0/24`);

const described = (length: number) => ({
  routeTableId,
  routes: [{ destination: '10.0.0.0/16', target: 'pcx-aaaaaaaa', description: 'x'.repeat(length) }],
});

const listing = (destinations: readonly string[]) => ({
  routeTableId,
  routes: destinations.map((destination) => ({ destination, target: 'pcx-aaaaaaaa' })),
});

describe('parseDesired', () => {
  it('reads a whole item', () => {
    const given = {
      routeTableId,
      routes: [
        {
          destination: '0.0.0.0/0',
          target: 'nat-aaaaaaaa',
          alternates: ['tgw-aaaaaaaa', 'nat-bbbbbbbb'],
          description: 'egress',
        },
        { destination: '10.0.0.0/16', target: 'eni-aaaaaaaa', overrideLocal: true },
        { destination: 'pl-aaaaaaaa', target: 'tgw-aaaaaaaa' },
        { destination: '2001:DB8::/32', target: 'local' },
      ],
      mode: 'observe',
      unlisted: 'keep',
      scope: ['0.0.0.0/0', 'pl-aaaaaaaa', '2001:db8::/32'],
      ignore: [
        { destination: '10.200.0.0/16', reason: 'pod routes' },
        { target: 'eni-f*', reason: 'firewall', until: '2027-01-31T01:00:00+01:00' },
      ],
      maxDeletes: 0,
      paused: { reason: 'maintenance', until: '2027-01-31T00:00:00Z' },
    };
    const until = new Date('2027-01-31T00:00:00Z');
    expect(parseDesired(given, now)).toEqual({
      ok: true,
      table: {
        routeTableId,
        routes: [
          {
            ...route('0.0.0.0/0', 'nat-aaaaaaaa'),
            alternates: ['tgw-aaaaaaaa', 'nat-bbbbbbbb'].map((id) => route('0.0.0.0/0', id).target),
            overrideLocal: false,
          },
          { ...route('10.0.0.0/16', 'eni-aaaaaaaa'), alternates: [], overrideLocal: true },
          { ...route('pl-aaaaaaaa', 'tgw-aaaaaaaa'), alternates: [], overrideLocal: false },
          { ...route('2001:db8::/32', 'local'), alternates: [], overrideLocal: false },
        ],
        mode: 'observe',
        unlisted: 'keep',
        scope: ['0.0.0.0/0', 'pl-aaaaaaaa', '2001:db8::/32'].map((text) => route(text, 'local').destination),
        ignore: [
          { destination: route('10.200.0.0/16', 'local').destination, reason: 'pod routes' },
          { target: 'eni-f*', reason: 'firewall', until },
        ],
        maxDeletes: 0,
        paused: { reason: 'maintenance', of: 'item', until },
        findings: [],
      },
    });
  });

  it('fills in the defaults of omitted fields', () => {
    expect(parseDesired({ routeTableId, routes: [] }, now)).toEqual({
      ok: true,
      table: { routeTableId, routes: [], mode: 'enforce', unlisted: 'delete', ignore: [], findings: [] },
    });
  });

  it('does not change its input', () => {
    const given = Object.freeze(item({ '10.0.0.7/16': 'pcx-aaaaaaaa' }));
    const before = structuredClone(given);
    parseDesired(given, now);
    expect(given).toEqual(before);
  });

  it('accepts, clears and reports host bits in every field that holds a CIDR block', () => {
    const { routes, scope, ignore, findings } = desired(
      { '10.0.0.7/16': 'pcx-aaaaaaaa', '2001:db8::1/32': 'pcx-aaaaaaaa' },
      { scope: ['10.9.9.9/8', '2001:db8::/32'], ignore: [{ destination: '10.3.3.3/24', reason: 'somebody else' }] },
    );
    expect(routes.map(({ destination }) => destination)).toEqual([
      route('10.0.0.0/16', 'local').destination,
      route('2001:db8::/32', 'local').destination,
    ]);
    expect(scope?.[0]).toEqual(route('10.0.0.0/8', 'local').destination);
    expect(ignore[0]?.destination).toEqual(route('10.3.3.0/24', 'local').destination);
    expect(codes(findings)).toEqual([
      'host-bits 10.0.0.0/16',
      'host-bits 2001:db8::/32',
      'host-bits 10.0.0.0/8',
      'host-bits 10.3.3.0/24',
    ]);
    expect(findings[0]).toEqual({
      code: 'host-bits',
      destination: '10.0.0.0/16',
      target: 'pcx-aaaaaaaa',
      message: '10.0.0.7/16 has host bits set; it is read as 10.0.0.0/16, as EC2 would store it',
    });
  });

  it('reports all problems at once, sorted by path, each with path, value and what was expected', () => {
    const given = {
      routeTableId: 'subnet-aaaaaaaa',
      routes: [
        { destination: '10.0.0.0/33', target: 'tgw-attach-aaaaaaaa', overrideLocal: 'yes', description: 7 },
        { destination: '10.0.0.0/16', target: 'pcx-aaaaaaaa' },
        { destination: '10.0.0.9/16', target: 'eigw-aaaaaaaa', via: 'here' },
        { target: 'pcx-aaaaaaaa' },
        'pcx-aaaaaaaa',
        ...['4', '5', '6', '7', '8'].map((n) => ({ destination: `10.${n}.0.0/16`, target: 'pcx-aaaaaaaa' })),
        { destination: '169.254.168.0/24', target: 'vpce-1' },
      ],
      mode: 'Enforce',
      unlisted: null,
      scope: 'everything',
      ignore: [{}, { destination: 'all', target: 'eni *', reason: '', until: 'tomorrow' }],
      maxDeletes: 1.5,
      paused: true,
      dryrun: true,
      Routes: [],
    };
    expect(problems(given).map(({ path, found, message }) => `${path} | ${found} | ${message}`)).toEqual([
      'dryrun | true | unknown field: expected one of routeTableId, routes, mode, unlisted, scope, ignore, maxDeletes, paused',
      'ignore[0] | {} | expected a destination, a target, or both',
      'ignore[0].reason | nothing | expected a sentence saying why',
      'ignore[1].destination | all | expected an IPv4 or IPv6 CIDR block, such as 10.0.0.0/16 or 2001:db8::/32',
      'ignore[1].reason |  | expected a sentence saying why',
      'ignore[1].target | eni * | expected a target id, or a glob such as eni-*',
      'ignore[1].until | tomorrow | expected an ISO 8601 date and time with a time zone, such as 2027-01-31T00:00:00Z',
      'maxDeletes | 1.5 | expected a whole number',
      'mode | Enforce | expected enforce or observe',
      'paused | true | expected a pause such as { reason: maintenance, until: 2027-01-31T00:00:00Z }',
      'Routes | [] | unknown field: did you mean routes?',
      'routes[0].description | 7 | expected a text of at most 256 characters',
      'routes[0].destination | 10.0.0.0/33 | expected a prefix length of at most 32',
      'routes[0].overrideLocal | yes | expected true or false',
      'routes[0].target | tgw-attach-aaaaaaaa | expected the transit gateway (tgw-…), not its attachment',
      'routes[2].destination | 10.0.0.9/16 | expected each destination once: routes[1] already lists 10.0.0.0/16',
      'routes[2].target | eigw-aaaaaaaa | expected a target for IPv4: an egress-only internet gateway carries IPv6 only',
      'routes[2].via | here | unknown field: expected one of destination, target, alternates, overrideLocal, description',
      'routes[3].destination | nothing | expected a CIDR block or a prefix list id (pl-…)',
      'routes[4] | pcx-aaaaaaaa | expected a route such as { destination: 10.0.0.0/16, target: pcx-… }',
      'routes[10].destination | 169.254.168.0/24 | expected a destination outside 169.254.168.0/22, which AWS reserves for its own services',
      'routes[10].target | vpce-1 | expected vpce- followed by 17 (or, for old resources, 8) lower-case hex digits',
      'routeTableId | subnet-aaaaaaaa | expected a route table id: rtb- and 17 (or 8) lower-case hex digits',
      'scope | everything | expected a list of CIDR blocks and prefix lists',
      'unlisted | null | expected delete or keep',
    ]);
  });

  it.each([undefined, null, true, 7, 'routes', [], new Date(), () => 1])(
    'rejects a value that is not an item: %s',
    (given) => {
      expect(problems(given)).not.toEqual([]);
    },
  );

  it('distinguishes a missing list of routes from an empty one', () => {
    expect(theProblem({ routeTableId })).toEqual({
      path: 'routes',
      found: 'nothing',
      message: 'expected a list of routes; an empty list means that the table should have none',
    });
    expect(desired({}).routes).toEqual([]);
  });

  describe('destinations', () => {
    it.each([
      ['leading zeros', '010.0.0.0/8', 'without leading zeros'],
      ['no length', '10.0.0.0', 'a prefix length after the address'],
      ['a length out of range', '::/129', 'a prefix length of at most 128'],
      ['a zone id', 'fe80::1%eth0/64', 'without a zone id'],
      ['a wrong prefix list id', 'pl-1', 'pl- followed by 17'],
      ['an IPv4-mapped block', '::ffff:10.0.0.0/104', 'not an IPv4-mapped IPv6 block'],
      ['a block that AWS reserves', '169.254.168.0/22', 'outside 169.254.168.0/22'],
      ['a part of a block that AWS reserves', '169.254.171.254/32', 'outside 169.254.168.0/22'],
      ['a block that AWS reserves (IPv6)', 'fd00:ec2::254/128', 'outside fd00:ec2::/32'],
    ])('rejects %s: %s', (_, destination, message) => {
      expect(theProblem(item({ [destination]: 'pcx-aaaaaaaa' }))).toEqual({
        path: 'routes[0].destination',
        found: destination,
        message: expect.stringContaining(message),
      });
    });

    it.each(['169.254.0.0/16', '169.254.172.0/22', 'fd00::/8', '::/0', '0.0.0.0/0', '::fffe:0:0/95'])(
      'accepts a block that contains or borders a reserved block: %s',
      (destination) => {
        expect(problems(item({ [destination]: 'pcx-aaaaaaaa' }))).toEqual([]);
      },
    );

    it.each([
      ['10.0.0.0/16', '10.0.0.0/16'],
      ['10.0.0.1/16', '10.0.255.0/16'],
      ['2001:db8::/32', '2001:0DB8:0::/32'],
      ['pl-aaaaaaaa', 'pl-aaaaaaaa'],
    ])('rejects a destination that is listed twice: %s and %s', (first, second) => {
      const routes = [first, second].map((destination) => ({ destination, target: 'pcx-aaaaaaaa' }));
      expect(theProblem({ routeTableId, routes })).toMatchObject({
        path: 'routes[1].destination',
        message: expect.stringContaining('expected each destination once: routes[0]'),
      });
    });

    it('accepts destinations that differ only in length or family', () => {
      const near = ['10.0.0.0/16', '10.0.0.0/17', '0.0.0.0/0', '::/0', '::/1', '0.0.0.0/1', 'pl-aaaaaaaa'];
      expect(problems(item(Object.fromEntries(near.map((text) => [text, 'pcx-aaaaaaaa']))))).toEqual([]);
    });

    it('accepts 1,000 routes of each family and rejects one more', () => {
      const ipv4 = Array.from({ length: 1_001 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`);
      const ipv6 = Array.from({ length: 1_000 }, (_, n) => `2001:db8:${n.toString(16)}::/48`);
      expect(problems(listing([...ipv4.slice(1), ...ipv6]))).toEqual([]);
      expect(theProblem(listing([...ipv4, ...ipv6]))).toEqual({
        path: 'routes',
        found: '1001 ipv4 routes',
        message: expect.stringContaining('at most 1000 routes of one family'),
      });
    });
  });

  describe('targets', () => {
    it.each([
      ['an egress-only internet gateway with IPv4', '10.0.0.0/16', 'eigw-aaaaaaaa', 'carries IPv6 only'],
      ['a carrier gateway with IPv6', '2001:db8::/32', 'cagw-aaaaaaaa', 'carries IPv4 only'],
      ['a VPC endpoint with a prefix list', 'pl-aaaaaaaa', 'vpce-aaaaaaaa', 'rejects a prefix list route to a VPC'],
      ['local with a prefix list', 'pl-aaaaaaaa', 'local', 'a prefix list route cannot have the target local'],
      ['an attachment', '10.0.0.0/16', 'tgw-attach-aaaaaaaa', 'the transit gateway (tgw-…), not its attachment'],
      ['an unknown kind', '10.0.0.0/16', 'moon-aaaaaaaa', 'the id of a gateway, endpoint'],
    ])('rejects %s', (_, destination, target, message) => {
      expect(theProblem(item({ [destination]: target }))).toEqual({
        path: 'routes[0].target',
        found: target,
        message: expect.stringContaining(message),
      });
    });

    it.each([
      ['2001:db8::/32', 'eigw-aaaaaaaa'],
      ['pl-aaaaaaaa', 'eigw-aaaaaaaa'],
      ['10.0.0.0/16', 'cagw-aaaaaaaa'],
      ['pl-aaaaaaaa', 'cagw-aaaaaaaa'],
      ['10.0.0.0/16', 'vpce-aaaaaaaa'],
      ['2001:db8::/32', 'vpce-aaaaaaaa'],
      ['64:ff9b::/96', 'nat-aaaaaaaa'],
      ['10.0.0.0/16', 'local'],
    ])('accepts %s to %s', (destination, target) => {
      expect(problems(item({ [destination]: target }))).toEqual([]);
    });

    it.each(['nat-aaaaaaaa', 'eni-aaaaaaaa', 'vpce-aaaaaaaa', 'local'])('lets %s override a local route', (target) => {
      const routes = [{ destination: '10.0.0.0/16', target, overrideLocal: true }];
      expect(problems({ routeTableId, routes })).toEqual([]);
    });

    it.each(['igw-aaaaaaaa', 'pcx-aaaaaaaa', 'i-aaaaaaaa', 'tgw-aaaaaaaa'])(
      'does not let %s override a local route',
      (target) => {
        const routes = [{ destination: '10.0.0.0/16', target, overrideLocal: true }];
        expect(theProblem({ routeTableId, routes })).toMatchObject({ path: 'routes[0].overrideLocal', found: 'true' });
        expect(problems(item({ '10.0.0.0/16': target }))).toEqual([]);
      },
    );
  });

  describe('alternates', () => {
    const nat = 'nat-aaaaaaaa';
    const listing = (target: string, alternates: unknown, more: object = {}) => ({
      routeTableId,
      routes: [{ destination: '10.0.0.0/16', target, alternates, ...more }],
    });

    it.each([
      ['a kind that cannot carry the destination', nat, ['eigw-aaaaaaaa'], 'carries IPv6 only'],
      ['an id of another thing', nat, ['tgw-attach-aaaaaaaa'], 'the transit gateway (tgw-…), not its attachment'],
      ['the local route', nat, ['local'], 'local cannot be an alternate'],
      ['the target itself', nat, [nat], `expected each target once: target is already ${nat}`],
      [
        'one of them twice',
        nat,
        ['tgw-aaaaaaaa', 'tgw-bbbbbbbb', 'tgw-aaaaaaaa'],
        'expected each target once: alternates[0] is already tgw-aaaaaaaa',
      ],
    ])('rejects %s', (_, target, alternates, message) => {
      const index = alternates.length - 1;
      expect(theProblem(listing(target, alternates))).toEqual({
        path: `routes[0].alternates[${index}]`,
        found: alternates[index],
        message: expect.stringContaining(message),
      });
    });

    it.each([
      ['that are no list', 'tgw-aaaaaaaa', 'expected a list of targets'],
      ['of more than 5 targets', [1, 2, 3, 4, 5, 6].map((n) => `tgw-0000000${n}`), 'expected at most 5 targets'],
    ])('rejects alternates %s', (_, alternates, message) => {
      expect(theProblem(listing(nat, alternates))).toMatchObject({ path: 'routes[0].alternates', message });
    });

    it('rejects alternates of the local route', () => {
      expect(theProblem(listing('local', [nat]))).toMatchObject({
        path: 'routes[0].alternates',
        message: 'expected no alternates: the local route always works',
      });
    });

    it('rejects an alternate that cannot override a local route', () => {
      const override = { overrideLocal: true };
      expect(theProblem(listing(nat, ['eni-aaaaaaaa', 'igw-aaaaaaaa'], override))).toMatchObject({
        path: 'routes[0].alternates[1]',
        found: 'igw-aaaaaaaa',
      });
    });

    it('rejects an alternate that an ignore entry without an end covers', () => {
      const ignore = [{ target: 'eni-*', reason: 'firewall' }];
      expect(theProblem({ ...listing(nat, ['eni-aaaaaaaa']), ignore })).toMatchObject({
        path: 'routes[0].destination',
        message: expect.stringContaining('ignore[0] (firewall) covers it and has no end'),
      });
    });

    it.each([[[]], [['tgw-aaaaaaaa', 'eni-aaaaaaaa', 'i-aaaaaaaa', 'pcx-aaaaaaaa', 'igw-aaaaaaaa']]])(
      'accepts %s',
      (alternates) => {
        expect(problems(listing(nat, alternates))).toEqual([]);
      },
    );
  });

  describe('scope', () => {
    it('accepts routes equal to or inside one of its entries', () => {
      const routes = { '10.0.0.0/8': 'pcx-aaaaaaaa', '10.1.0.0/16': 'pcx-aaaaaaaa', 'pl-aaaaaaaa': 'pcx-aaaaaaaa' };
      expect(problems(item(routes, { scope: ['10.0.0.0/8', 'pl-aaaaaaaa'] }))).toEqual([]);
    });

    it.each([
      ['around it', '0.0.0.0/0'],
      ['beside it', '11.0.0.0/16'],
      ['of another family', '2001:db8::/32'],
      ['of another prefix list', 'pl-bbbbbbbb'],
    ])('rejects a route %s', (_, destination) => {
      const given = item({ [destination]: 'pcx-aaaaaaaa' }, { scope: ['10.0.0.0/8', 'pl-aaaaaaaa'] });
      expect(theProblem(given)).toEqual({
        path: 'routes[0].destination',
        found: destination,
        message: 'expected a destination inside scope (10.0.0.0/8, pl-aaaaaaaa)',
      });
    });

    it.each([
      ['empty', [], 'scope'],
      ['with a bad entry', ['10.0.0.0'], 'scope[0]'],
      ['that is a set', new Set(['10.0.0.0/8']), 'scope'],
    ])('rejects a scope %s', (_, scope, path) => {
      expect(theProblem(item({}, { scope }))).toMatchObject({ path });
    });
  });

  describe('ignore', () => {
    const listed = { '10.0.1.0/24': 'eni-aaaaaaaa' };

    it.each([
      ['its destination', { destination: '10.0.0.0/16' }],
      ['its target', { target: 'eni-*' }],
      ['both', { destination: '10.0.1.0/24', target: 'eni-aaaaaaaa' }],
    ])('rejects a listed route that an entry without an end matches by %s', (_, entry) => {
      expect(theProblem(item(listed, { ignore: [{ ...entry, reason: 'firewall' }] }))).toEqual({
        path: 'routes[0].destination',
        found: '10.0.1.0/24',
        message: expect.stringContaining('ignore[0] (firewall) covers it and has no end'),
      });
    });

    it.each([
      ['another destination', { destination: '10.1.0.0/16' }],
      ['another target', { target: 'nat-*' }],
      ['its destination with another target', { destination: '10.0.0.0/16', target: 'nat-*' }],
      ['the default route', { destination: '0.0.0.0/0' }],
    ])('accepts a listed route that does not match an entry for %s', (_, entry) => {
      expect(problems(item(listed, { ignore: [{ ...entry, reason: 'firewall' }] }))).toEqual([]);
    });

    it.each([
      ['in the future', inAnHour],
      ['in the past', anHourAgo],
    ])('accepts a listed route under an entry whose end is %s', (_, until) => {
      expect(problems(item(listed, { ignore: [{ target: 'eni-*', reason: 'firewall', until }] }))).toEqual([]);
    });

    it('rejects a listed route under an entry for its destination even if its target is invalid', () => {
      const ignore = [{ destination: '10.0.0.0/16', reason: 'firewall' }];
      expect(problems(item({ '10.0.1.0/24': 'eni-1' }, { ignore })).map(({ path }) => path)).toEqual([
        'routes[0].destination',
        'routes[0].target',
      ]);
    });

    it.each([
      ['nothing to match', { reason: 'x' }, 'ignore[0]'],
      ['no reason', { target: 'eni-*' }, 'ignore[0].reason'],
      ['an empty reason', { target: 'eni-*', reason: '' }, 'ignore[0].reason'],
      ['a reason too long', { target: 'eni-*', reason: 'x'.repeat(257) }, 'ignore[0].reason'],
      ['a target that is neither an id nor a glob', { target: 'eni-[a-f]', reason: 'x' }, 'ignore[0].target'],
      ['an empty target', { target: '', reason: 'x' }, 'ignore[0].target'],
      ['a date without a time', { target: 'eni-*', reason: 'x', until: '2027-01-31' }, 'ignore[0].until'],
      ['a time without a zone', { target: 'eni-*', reason: 'x', until: '2027-01-31T00:00:00' }, 'ignore[0].until'],
      ['a day that does not exist', { target: 'eni-*', reason: 'x', until: '2027-02-30T00:00:00Z' }, 'ignore[0].until'],
      ['an unknown field', { target: 'eni-*', reason: 'x', untl: inAnHour }, 'ignore[0].untl'],
    ])('rejects an entry with %s', (_, entry, path) => {
      expect(theProblem(item({}, { ignore: [entry] }))).toMatchObject({ path });
    });
  });

  describe('other fields', () => {
    it.each([
      ['maxDeletes', -1, '-1', 'expected 0 or more'],
      ['maxDeletes', '10', '10', 'expected a whole number'],
      ['mode', 'dry-run', 'dry-run', 'expected enforce or observe'],
      ['unlisted', 'ignore', 'ignore', 'expected delete or keep'],
      ['routeTableId', 'tgw-rtb-aaaaaaaa', 'tgw-rtb-aaaaaaaa', 'expected a route table id'],
      ['routes', { '10.0.0.0/16': 'pcx-aaaaaaaa' }, "{ '10.0.0.0/16': 'pcx-aaaaaaaa' }", 'expected a list of routes'],
    ])('rejects %s: %j', (field, value, found, message) => {
      expect(theProblem(item({}, { [field]: value }))).toEqual({
        path: field,
        found,
        message: expect.stringContaining(message),
      });
    });

    it.each([
      ['no reason', {}, 'paused.reason'],
      ['an end that is not a time', { reason: 'x', until: 'soon' }, 'paused.until'],
      ['an unknown field', { reason: 'x', by: 'alice' }, 'paused.by'],
    ])('rejects a pause with %s', (_, paused, path) => {
      expect(theProblem(item({}, { paused }))).toMatchObject({ path });
    });

    it('rejects a description of more than 256 characters', () => {
      expect(problems(described(256))).toEqual([]);
      expect(theProblem(described(257))).toMatchObject({ path: 'routes[0].description' });
    });
  });

  describe('unknown fields', () => {
    it.each([
      ['route', 'routes'],
      ['max_deletes', 'maxDeletes'],
      ['UNLISTED', 'unlisted'],
      ['pause', 'paused'],
      ['unlist', 'unlisted'],
      ['ignored', 'ignore'],
    ])('are rejected with the nearest known name: %s → %s', (unknown, known) => {
      expect(theProblem(item({}, { [unknown]: [] }))).toEqual({
        path: unknown,
        found: '[]',
        message: `unknown field: did you mean ${known}?`,
      });
    });

    it('are rejected in a route, an ignore entry and a pause, with the nearest name known there', () => {
      const given = {
        routeTableId,
        routes: [{ destination: '10.0.0.0/16', target: 'pcx-aaaaaaaa', overridelocal: true }],
        ignore: [{ target: 'eni-*', reason: 'x', dest: '10.0.0.0/8' }],
        paused: { reason: 'x', untill: inAnHour },
      };
      expect(problems(given).map(({ path, message }) => `${path}: ${message}`)).toEqual([
        'ignore[0].dest: unknown field: expected one of destination, target, reason, until',
        'paused.untill: unknown field: did you mean until?',
        'routes[0].overridelocal: unknown field: did you mean overrideLocal?',
      ]);
    });
  });

  describe('hostile input', () => {
    const cyclic: Record<string, unknown> = { routeTableId };
    cyclic['routes'] = [cyclic];
    cyclic['self'] = cyclic;

    it('reports the problems of an item that contains itself', () => {
      expect(problems(cyclic).map(({ path }) => path)).toEqual([
        'routes[0].destination',
        'routes[0].routes',
        'routes[0].routeTableId',
        'routes[0].self',
        'routes[0].target',
        'self',
      ]);
    });

    it('reports the problems of an item with endless nesting', () => {
      let nested: unknown = [];
      for (let depth = 0; depth < 20_000; depth++) nested = [nested];
      expect(problems(item({}, { nested, routes: nested })).map(({ path }) => path)).toEqual(['nested', 'routes[0]']);
    });

    it('rejects __proto__ and similar names as unknown fields', () => {
      const given: unknown = JSON.parse(
        `{ "routeTableId": "${routeTableId}", "routes": [{ "destination": "10.0.0.0/16", "target": "pcx-aaaaaaaa", "__proto__": { "overrideLocal": true } }], "__proto__": { "mode": "observe" }, "constructor": 1, "toString": 2 }`,
      );
      expect(problems(given).map(({ path }) => path)).toEqual([
        '__proto__',
        'constructor',
        'routes[0].__proto__',
        'toString',
      ]);
      expect(Object.keys(Object.prototype)).toEqual([]);
    });

    it('shows at most 100 characters of a value, however large it is', () => {
      const giant = 'x'.repeat(400_000);
      const given = {
        routeTableId: giant,
        routes: [{ destination: giant, target: giant, [giant]: giant }],
        scope: [giant],
        ignore: [{ target: giant, reason: giant }],
        [giant]: [giant],
      };
      const shown = problems(given);
      expect(shown).toHaveLength(8);
      expect(shown.map(({ found }) => found.length).filter((length) => length > 100)).toEqual([]);
      expect(shown.filter(({ path, message }) => path.length > 120 || message.length > 200)).toEqual([]);
    });

    it('cuts a long scope in the problem of each of many routes', () => {
      const given = item(Object.fromEntries(many(10).map((text) => [text, 'pcx-aaaaaaaa'])), { scope: many(11) });
      const shown = problems(given);
      expect(shown).toHaveLength(200);
      expect(shown.filter(({ message }) => message.length > 200)).toEqual([]);
    });

    it.each([
      ['a string set', new Set(['10.0.0.0/16']), "Set(1) { '10.0.0.0/16' }"],
      ['binary', new Uint8Array([1, 2]), 'Uint8Array(2) [ 1, 2 ]'],
      ['a large number', 2n ** 64n, '18446744073709551616n'],
      ['a function', { toJSON: () => 'routes' }, '{ toJSON: [Function: toJSON] }'],
    ])('shows %s in readable form', (_, value, found) => {
      expect(theProblem(item({}, { routes: value }))).toMatchObject({ path: 'routes', found });
    });

    it('never throws: it returns either a table or the problems of the item', () => {
      const key = fc.constantFrom(
        'routes',
        'routeTableId',
        'scope',
        'ignore',
        'paused',
        'destination',
        'target',
        'until',
      );
      const given = fc.oneof(
        fc.anything({ withBigInt: true, withSet: true, withMap: true, withDate: true, withTypedArray: true, key }),
        fc.anything({ key }).map((routes) => ({ routeTableId, routes: [routes] })),
        fc
          .anything({ key })
          .map((entry) => ({ routeTableId, routes: [], ignore: [entry], scope: entry, paused: entry })),
      );
      fc.assert(
        fc.property(given, (given) => {
          const parsed = parseDesired(given, now);
          expect(parsed.ok || parsed.problems.length > 0).toBe(true);
        }),
        { numRuns: 500 },
      );
    });
  });

  it('parses every valid item into canonical destinations without duplicates', () => {
    fc.assert(
      fc.property(desiredTable, ({ routes }) => {
        const texts = routes.map(({ destination }) => ('cidr' in destination ? destination.cidr : destination.id));
        expect(new Set(texts).size).toBe(routes.length);
        expect(problems(item(Object.fromEntries(texts.map((text) => [text, 'pcx-aaaaaaaa']))))).toEqual([]);
      }),
    );
  });
});
