import { describe, expect, it } from 'vitest';
import { itemChanges } from '../../../../reconciler/core/desired/item-changes.ts';
import { desiredItemSchema } from '../../../../reconciler/core/desired/schema.ts';
import { item } from '../../../support/builders.ts';

const parsed = (...given: Parameters<typeof item>) => desiredItemSchema.parse(item(...given));

describe('the changes of an item', () => {
  it('are none if both versions ask for the same, however they are written', () => {
    const before = parsed(
      { '10.20.0.0/16': 'pcx-aaaaaaaa', '2001:db8::/32': 'tgw-aaaaaaaa' },
      { scope: ['10.0.0.0/8'] },
    );
    const after = parsed(
      { '2001:DB8:0::/32': 'tgw-aaaaaaaa', '10.20.0.7/16': 'pcx-aaaaaaaa' },
      { scope: ['10.0.0.1/8'], mode: 'enforce', ignore: [] },
    );
    expect(itemChanges(before, after)).toEqual([]);
  });

  it('come in the order of destinations, then fields', () => {
    const before = parsed(
      { '10.20.0.0/16': 'pcx-aaaaaaaa', '10.3.0.0/16': 'pcx-aaaaaaaa' },
      { mode: 'observe', ignore: [{ destination: '10.200.0.0/16', reason: 'pods' }], maxDeletes: 3 },
    );
    const after = parsed(
      { '10.20.0.0/16': ['pcx-bbbbbbbb', 'pcx-aaaaaaaa'], '10.30.0.0/16': 'pcx-aaaaaaaa' },
      {
        ignore: [
          { destination: '10.200.0.0/16', reason: 'pod routes' },
          { target: 'eni-*', reason: 'FSx' },
        ],
      },
    );
    expect(itemChanges(before, after)).toEqual([
      { field: 'routes', destination: '10.3.0.0/16', before: 'pcx-aaaaaaaa' },
      { field: 'routes', destination: '10.20.0.0/16', before: 'pcx-aaaaaaaa', after: 'pcx-bbbbbbbb or pcx-aaaaaaaa' },
      { field: 'routes', destination: '10.30.0.0/16', after: 'pcx-aaaaaaaa' },
      { field: 'ignore 10.200.0.0/16', before: 'pods', after: 'pod routes' },
      { field: 'ignore eni-*', after: 'FSx' },
      { field: 'maxDeletes', before: '3' },
      { field: 'mode', before: 'observe', after: 'enforce' },
    ]);
  });

  it('include descriptions, overrides and pauses', () => {
    const routes = [{ destination: '10.0.0.0/16', target: 'eni-aaaaaaaa' }];
    const edited = [{ ...routes[0], overrideLocal: true, description: 'firewall' }];
    expect(itemChanges(parsed({}, { routes }), parsed({}, { routes: edited, paused: { reason: 'test' } }))).toEqual([
      {
        field: 'routes',
        destination: '10.0.0.0/16',
        before: 'eni-aaaaaaaa',
        after: 'eni-aaaaaaaa overrideLocal "firewall"',
      },
      { field: 'paused', after: 'test' },
    ]);
  });

  it('are the whole item if there was none', () => {
    expect(itemChanges(undefined, parsed({ '10.20.0.0/16': 'pcx-aaaaaaaa' }))).toEqual([
      { field: 'routes', destination: '10.20.0.0/16', after: 'pcx-aaaaaaaa' },
      { field: 'mode', after: 'enforce' },
      { field: 'unlisted', after: 'delete' },
    ]);
  });

  it('keep both of two ignore entries for the same routes', () => {
    const two = [
      { target: 'eni-*', reason: 'FSx' },
      { target: 'eni-*', reason: 'failover', until: '2027-01-31T00:00:00Z' },
    ];
    expect(itemChanges(parsed({}, { ignore: two.slice(1) }), parsed({}, { ignore: two }))).toHaveLength(1);
  });
});
