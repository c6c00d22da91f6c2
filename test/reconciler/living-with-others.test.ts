import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DesiredTable } from '../../reconciler/core/desired/desired.ts';
import type { Remembered } from '../../reconciler/core/memory/memory.ts';
import { plan } from '../../reconciler/core/plan/plan.ts';
import type { ActualRoute } from '../../reconciler/core/route/route.ts';
import {
  actual,
  desired,
  lattice,
  memory,
  now,
  otherOwnerId,
  route,
  table,
  throughInstance,
} from '../support/builders.ts';

// docs/living-with-others.md: what it says of each software is what the plan does, and each entry covers its routes.

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/living-with-others.md'), 'utf8');

/** The text under each second-level heading. */
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section): [string, string] => [section.split('\n')[0] ?? '', section]),
);

/** The examples of a section, as people copy them. */
const examplesOf = (section: string): readonly object[] =>
  [...(sections.get(section) ?? '').matchAll(/```json\n([^]*?)```/g)].map(([, text = '']): object => JSON.parse(text));

const isRoute = (example: object): boolean => 'alternates' in example;

/** The ignore entries of a section. */
const entriesOf = (section: string): readonly object[] => examplesOf(section).filter((one) => !isRoute(one));

/** The routes of a section: those with alternates. */
const routesOf = (section: string): readonly object[] => examplesOf(section).filter(isRoute);

/** What happens to the one route of a table that has long been watched: it appeared, or we had written another one. */
function fateOf(
  found: ActualRoute,
  wanted: DesiredTable,
  { tags = {}, seen = { arrival: 'appeared' } }: { tags?: Record<string, string>; seen?: Remembered },
): string | undefined {
  const decided = plan(wanted, table([found], { tags }), { now, memory: memory({ [found.spelling]: seen }) });
  return decided.blocked?.code ?? decided.changes[0]?.action ?? decided.leftAlone[0]?.reason;
}

interface Case {
  readonly section: string;
  readonly of: string;
  readonly found: ActualRoute;
  readonly fate: string;
  readonly tags?: Record<string, string>;
}

const cluster = { 'kubernetes.io/cluster/blue': 'owned' };
const fsx = { AmazonFSx: 'ManagedByAmazonFSx' };
const odb = 'arn:aws:odb:eu-west-1:111122223333:odb-network/odbnet-aaaaaaaa';
const pods = '10.200.7.0/24';
const floating = '198.19.255.10/32';

const written: readonly Case[] = [
  { section: 'Kubernetes', of: 'a node', found: throughInstance(pods), tags: cluster, fate: 'maybe-not-ours' },
  {
    section: 'Kubernetes',
    of: 'a node, in a table with the old tag',
    found: throughInstance(pods),
    tags: { KubernetesCluster: 'blue' },
    fate: 'maybe-not-ours',
  },
  {
    section: 'Kubernetes',
    of: 'a terminated node',
    found: actual(route(pods, 'eni-aaaaaaaa'), { state: 'blackhole' }),
    fate: 'maybe-not-ours',
  },
  { section: 'Kubernetes', of: 'a node, in a table without a tag', found: throughInstance(pods), fate: 'delete' },
  {
    section: 'FSx',
    of: 'a file server',
    found: throughInstance(floating, { owner: otherOwnerId }),
    fate: 'maybe-not-ours',
  },
  {
    section: 'FSx',
    of: 'a file server in a tagged table',
    found: throughInstance(floating),
    tags: fsx,
    fate: 'maybe-not-ours',
  },
  {
    section: 'FSx',
    of: 'an interface that moves',
    found: actual(route(floating, 'eni-aaaaaaaa'), { state: 'blackhole' }),
    fate: 'maybe-not-ours',
  },
  {
    section: 'Oracle Database@AWS',
    of: 'an ODB network',
    found: actual(route('10.33.0.0/24', odb)),
    fate: 'maybe-not-ours',
  },
  { section: 'EKS Hybrid Nodes gateway', of: 'the gateway', found: throughInstance('10.210.0.0/17'), fate: 'delete' },
  {
    section: 'EKS Hybrid Nodes gateway',
    of: 'the gateway, in a tagged table',
    found: throughInstance('10.210.0.0/17'),
    tags: cluster,
    fate: 'maybe-not-ours',
  },
  {
    section: 'Failover appliances and scripts',
    of: 'an appliance',
    found: throughInstance('10.50.0.0/16'),
    fate: 'delete',
  },
  {
    section: 'Terraform, CDK and CloudFormation',
    of: 'a template',
    found: actual(route('10.60.0.0/16', 'tgw-aaaaaaaa')),
    fate: 'delete',
  },
];

describe('docs/living-with-others.md', () => {
  it('names every route and every fate that is tested here', () => {
    for (const { section, found, fate } of written) {
      expect(sections.get(section)).toContain(`\`${found.spelling}\``);
      expect(sections.get(section)).toContain(fate === 'delete' ? '**deleted**' : `\`${fate}\``);
    }
  });

  it.each(written)('is right about what happens by default to a route of $of ($section)', ({ found, fate, ...on }) => {
    expect(fateOf(found, desired({}), on)).toBe(fate);
  });

  it.each(written)('has valid entries that cover a route of $of ($section)', ({ section, found, ...on }) => {
    const entries = entriesOf(section);
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) expect(fateOf(found, desired({}, { ignore: [entry] }), on)).toBe('ignored');
  });

  it('has no entry whose routes are not tested here', () => {
    const tested = new Set(written.map(({ section }) => section));
    for (const section of sections.keys()) expect(entriesOf(section).length > 0).toBe(tested.has(section));
  });

  it('has no entry that covers a route to the range before the first one', () => {
    const outside = actual(route('10.199.0.0/16', 'eni-aaaaaaaa'));
    const ignore = written.flatMap(({ section }) => entriesOf(section));
    expect(fateOf(outside, desired({}, { ignore }), {})).toBe('delete');
  });

  it('is right that i-* does not match a terminated node', () => {
    const gone = actual(route(pods, 'eni-aaaaaaaa'), { state: 'blackhole' });
    const ignore = [{ destination: '10.200.0.0/16', target: 'i-*', reason: 'pods' }];
    expect(fateOf(gone, desired({}, { ignore }), {})).toBe('maybe-not-ours');
  });

  describe('is right about a listed route that a script moved', () => {
    const moved = throughInstance('10.50.0.0/16', { eni: 'eni-bbbbbbbb' });
    const listed = { '10.50.0.0/16': 'eni-aaaaaaaa' };
    const seen: Remembered = { seenAsListed: true, ours: 'eni-aaaaaaaa' };

    it('it is put back', () => {
      expect(fateOf(moved, desired(listed), { seen })).toBe('replace');
    });

    it('an entry with until suspends it', () => {
      const [, suspension] = entriesOf('Failover appliances and scripts');
      expect(fateOf(moved, desired(listed, { ignore: [suspension] }), { seen })).toBe('ignored');
    });

    describe('if it is listed with alternates', () => {
      const pair = desired({}, { routes: routesOf('Failover appliances and scripts') });
      const [first, second] = ['eni-0123456789abcdef0', 'eni-0fedcba9876543210'];
      const planned = (found: ActualRoute, alive: readonly string[] = []) =>
        plan(pair, table([found]), {
          now,
          memory: memory({ '10.50.0.0/16': seen }),
          health: new Map([first, second].map((id) => [id, alive.includes(id) ? 'alive' : 'dead'] as const)),
        });

      it('it stays on whichever of them works', () => {
        for (const eni of [first, second])
          expect(planned(throughInstance('10.50.0.0/16', { eni }))).toMatchObject({ inSync: true, unchanged: 1 });
      });

      it('it leaves the one that dies for the one that is up', () => {
        const dead = actual(route('10.50.0.0/16', second), { state: 'blackhole' });
        expect(planned(dead, [first]).changes).toMatchObject([{ action: 'replace', to: { id: first } }]);
      });

      it('it is put back from any other target', () => {
        expect(planned(moved, [first]).changes).toMatchObject([{ action: 'replace', to: { id: first } }]);
      });
    });

    const [entry] = entriesOf('Failover appliances and scripts');
    const ignore = [entry];

    it('an edit that ignores it and lists it no more leaves it alone', () => {
      expect(fateOf(moved, desired({}, { ignore }), { seen })).toBe('ignored');
      expect(fateOf(moved, desired({}), { seen })).not.toBe('ignored');
    });

    it('and an entry without until is refused while it is listed', () => {
      expect(() => desired(listed, { ignore })).toThrow('expected a route that is not ignored');
    });
  });

  it('is right that routes of Route Server, gateway endpoints and VPC Lattice are left alone', () => {
    const fate = (found: ActualRoute) => fateOf(found, desired({}), {});
    const advertised = actual(route('192.0.2.0/24', 'eni-aaaaaaaa'), { origin: 'advertised' });
    expect(fate(advertised)).toBe('advertised');
    expect(fate(actual(route('pl-aaaaaaaa', 'vpce-aaaaaaaa')))).toBe('gateway-endpoint');
    expect(fate(lattice('pl-bbbbbbbb'))).toBe('lattice');
    const shadowing = plan(desired({ '192.0.2.0/24': 'tgw-aaaaaaaa' }), table([advertised]), { now, memory: memory() });
    expect(shadowing.findings.map(({ code }) => code)).toContain('shadows-propagated');
  });
});
