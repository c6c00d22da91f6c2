import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areasOf } from '../../../../reconciler/core/route/blocks.ts';
import { type AddressRange, type Cidr, parseCidr } from '../../../../reconciler/core/route/cidr.ts';
import { type PathChange, impactOf } from '../../../../reconciler/core/route/impact.ts';
import { claimsOf, leadingTo, pathOf } from '../../../../reconciler/core/route/path.ts';
import type { ActualRoute } from '../../../../reconciler/core/route/route.ts';
import { actual, local, propagated, route } from '../../../support/builders.ts';

// The oracle counts bits of 5-bit addresses. It shares no code with the core: neither blocks, nor ranges, nor ranks.

/** A block of 5-bit addresses: the first `length` bits of `value`. */
interface Small {
  readonly value: number;
  readonly length: number;
}

const bits = 5;
const addresses = Array.from({ length: 2 ** bits }, (_, address) => address);
const has = ({ value, length }: Small, address: number): boolean =>
  address >> (bits - length) === value >> (bits - length);

/** The families of the small space: the last 5 bits of an address. */
const families = {
  ipv4: { text: (address: number) => `10.9.8.${96 + address}`, longest: 32 },
  ipv6: { text: (address: number) => `2001:db8::${(0x20 + address).toString(16)}`, longest: 128 },
} as const;

type Family = keyof typeof families;

const cidr = (family: Family, { value, length }: Small): string => {
  const { text, longest } = families[family];
  return `${text((value >> (bits - length)) << (bits - length))}/${longest - bits + length}`;
};

const blockOf = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (!parsed.ok) throw new TypeError(parsed.expected);
  return parsed.block;
};

const small: fc.Arbitrary<Small> = fc.record({ value: fc.nat(2 ** bits - 1), length: fc.nat(bits) });
const targets = ['igw-aaaaaaaa', 'tgw-aaaaaaaa', 'pcx-aaaaaaaa'] as const;
const lists = ['pl-aaaaaaaa', 'pl-bbbbbbbb'] as const;
const hop = fc.record({
  target: fc.constantFrom(...targets),
  state: fc.constantFrom<ActualRoute['state'][]>('active', 'active', 'active', 'blackhole'),
});

type Rule = { readonly target: string; readonly state: ActualRoute['state'] } & (
  | { readonly kind: 'static' | 'propagated' | 'local'; readonly at: Small }
  | { readonly kind: 'list'; readonly list: (typeof lists)[number] }
);

const rule: fc.Arbitrary<Rule> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(small, hop).map(([at, hop]): Rule => ({ kind: 'static', at, ...hop })) },
  {
    weight: 2,
    arbitrary: small.map((at): Rule => ({ kind: 'propagated', at, target: 'vgw-aaaaaaaa', state: 'active' })),
  },
  { weight: 1, arbitrary: small.map((at): Rule => ({ kind: 'local', at, target: 'local', state: 'active' })) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom(...lists), hop).map(([list, hop]): Rule => ({ kind: 'list', list, ...hop })),
  },
);

/** A table has one static route for each destination. */
const rules = fc.uniqueArray(rule, {
  maxLength: 10,
  selector: (one) =>
    one.kind === 'list'
      ? one.list
      : `${one.kind === 'propagated'} ${one.at.length} ${one.at.value >> (bits - one.at.length)}`,
});
const entries = fc.record({
  'pl-aaaaaaaa': fc.array(small, { maxLength: 4 }),
  'pl-bbbbbbbb': fc.array(small, { maxLength: 4 }),
});
const family = fc.constantFrom<Family[]>('ipv4', 'ipv6');

/** Where an address goes, by brute force: every target that may win, sorted. */
function oracle(
  address: number,
  rules: readonly Rule[],
  entries: Readonly<Record<string, readonly Small[]>>,
): string[] {
  const claims = rules.flatMap((one) => {
    const hop = `${one.target} ${one.state}`;
    if (one.kind === 'list')
      return (entries[one.list] ?? []).map((at) => ({ at, hop, rank: 1, isLocal: false, isPropagated: false }));
    const isPropagated = one.kind === 'propagated';
    return [{ at: one.at, hop, rank: isPropagated ? 2 : 0, isLocal: one.kind === 'local', isPropagated }];
  });
  const matching = claims.filter(({ at }) => has(at, address));
  const open = matching.filter(
    (one) => !one.isPropagated || !matching.some(({ isLocal, at }) => isLocal && at.length < one.at.length),
  );
  const longest = Math.max(...open.map(({ at }) => at.length));
  const long = open.filter(({ at }) => at.length === longest);
  const best = Math.min(...long.map(({ rank }) => rank));
  return [...new Set(long.filter(({ rank }) => rank === best).map(({ hop }) => hop))].sort();
}

const routeOf = (family: Family, one: Rule): ActualRoute => {
  if (one.kind === 'list') return actual(route(one.list, one.target), { state: one.state });
  const at = cidr(family, one.at);
  if (one.kind === 'local') return local(at);
  return one.kind === 'propagated' ? propagated(at) : actual(route(at, one.target), { state: one.state });
};

const read = (family: Family, entries: Readonly<Record<string, readonly Small[]>>) =>
  new Map(Object.entries(entries).map(([id, blocks]) => [id, blocks.map((each) => blockOf(cidr(family, each)))]));

const shown = (hops: PathChange['before']): string[] => hops.map(({ target, state }) => `${target} ${state}`).sort();

/** The small block that a block is; the whole space if it is larger. */
const smallOf = (family: Family, block: Cidr): Small => {
  const { text, longest } = families[family];
  const [address, length] = block.cidr.split('/');
  const value = addresses.find((each) => blockOf(`${text(each)}/${longest}`).cidr.split('/')[0] === address) ?? 0;
  return { value, length: Math.max(0, Number(length) - longest + bits) };
};

describe('the path of an address', () => {
  it('is what counting bits says', () => {
    fc.assert(
      fc.property(family, rules, entries, (family, rules, entries) => {
        const claims = claimsOf(
          rules.map((one) => routeOf(family, one)),
          read(family, entries),
        );
        for (const address of addresses) {
          const { text, longest } = families[family];
          const { winners } = pathOf(blockOf(`${text(address)}/${longest}`), claims);
          expect(shown(leadingTo(winners))).toEqual(oracle(address, rules, entries));
        }
      }),
    );
  });
});

describe('impactOf', () => {
  it('names exactly the addresses whose path differs, each once, with its paths', () => {
    fc.assert(
      fc.property(family, rules, rules, rules, entries, (family, was, soon, will, entries) => {
        const [before, meanwhile, after] = [was, soon, will].map((rules) =>
          claimsOf(
            rules.map((one) => routeOf(family, one)),
            read(family, entries),
          ),
        );
        if (!before || !meanwhile || !after) throw new TypeError('three states were given');
        const { changes } = impactOf(before, meanwhile, after);
        const areas = changes.map(({ block, except, ...change }) => ({
          at: smallOf(family, block),
          except: except.map((each) => smallOf(family, each)),
          change,
        }));
        for (const address of addresses) {
          const [from, now, to] = [was, soon, will].map((rules) => oracle(address, rules, entries));
          const covering = areas.filter(
            ({ at, except }) => has(at, address) && !except.some((each) => has(each, address)),
          );
          const isSame = String(from) === String(now) && String(now) === String(to);
          const expected = isSame ? [] : [{ before: from, meanwhile: now, after: to }];
          expect(
            covering.map(({ change }) => ({
              before: shown(change.before),
              meanwhile: shown(change.meanwhile ?? change.after),
              after: shown(change.after),
            })),
          ).toEqual(expected);
        }
      }),
    );
  });

  it('finds nothing between equal states', () => {
    fc.assert(
      fc.property(family, rules, entries, (family, rules, entries) => {
        const claims = claimsOf(
          rules.map((one) => routeOf(family, one)),
          read(family, entries),
        );
        expect(impactOf(claims, claims, claims).changes).toEqual([]);
      }),
    );
  });
});

describe('areasOf', () => {
  /** The fewest blocks and exceptions that can say which of the 8 addresses of a /29 are wanted: all signed choices. */
  const depth = 3;
  const nodes = Array.from({ length: depth + 1 }, (_, length) =>
    Array.from({ length: 2 ** length }, (_, value) => ({ value: value << (depth - length), length })),
  ).flat();

  function fewest(): Map<string, number> {
    const best = new Map<string, number>();
    // One sign per node, outermost first: the longest signed prefix decides, as with routes.
    const paint = (index: number, wanted: readonly boolean[], cost: number): void => {
      const node = nodes[index];
      if (!node) {
        const key = wanted.map(Number).join('');
        best.set(key, Math.min(best.get(key) ?? Infinity, cost));
        return;
      }
      paint(index + 1, wanted, cost);
      if (cost >= 5) return;
      const covers = (address: number): boolean =>
        address >> (depth - node.length) === node.value >> (depth - node.length);
      for (const sign of [true, false])
        paint(
          index + 1,
          wanted.map((is, address) => (covers(address) ? sign : is)),
          cost + 1,
        );
    };
    paint(
      0,
      Array.from({ length: 2 ** depth }, () => false),
      0,
    );
    return best;
  }

  it('names the fewest blocks and exceptions that say the same, for all sets of 8 addresses', () => {
    const best = fewest();
    expect(best.size).toBe(2 ** (2 ** depth));
    for (const [key, cost] of best) {
      const first = 0x0a00_0000;
      const ranges: AddressRange[] = [...key.matchAll(/1+/g)].map(({ index, 0: run }) => ({
        first: BigInt(first + index),
        last: BigInt(first + index + run.length - 1),
      }));
      const areas = areasOf('ipv4', ranges);
      expect([key, areas.reduce((sum, { except }) => sum + 1 + except.length, 0)]).toEqual([key, cost]);
    }
  });
});
