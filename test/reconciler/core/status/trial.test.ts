import { describe, expect, it } from 'vitest';
import type { ReportedCall } from '../../../../reconciler/core/memory/call.ts';
import type { OnTrial } from '../../../../reconciler/core/memory/memory.ts';
import { plan } from '../../../../reconciler/core/plan/plan.ts';
import type { ActualRoute } from '../../../../reconciler/core/route/route.ts';
import {
  type Made,
  rememberRead,
  withDeadTargets,
  withTargetsUp,
} from '../../../../reconciler/core/status/remember.ts';
import { desired, minutesAfter, now, route, table } from '../../../support/builders.ts';
import { at, destination, listed, memory, other, via } from './given.ts';

const target = 'pcx-aaaaaaaa';
const trial: OnTrial = { target };
const dead: OnTrial = { target, deadSince: at(0) };
const blackhole = { ...via(destination), state: 'blackhole' } as const;
const moved = via(destination, 'tgw-aaaaaaaa');

interface Read {
  readonly item?: Parameters<typeof desired>;
  readonly made?: readonly Made[];
  readonly minute?: number;
}

/** What is on trial after one read. */
function after(before: OnTrial | undefined, routes: readonly ActualRoute[], more: Read = {}): OnTrial | undefined {
  const { item = listed, made = [], minute = 0 } = more;
  const on = { now: minutesAfter(minute), memory: memory({ [destination]: { ...(before && { onTrial: before }) } }) };
  const [wanted, found] = [desired(...item), table(routes)];
  const seen = { desired: wanted, actual: found, plan: plan(wanted, found, on), now: on.now };
  return rememberRead(on.memory, seen, made).destinations.get(destination)?.onTrial;
}

const replacing = (from: ActualRoute, isCertain = true): Made[] => {
  const { destination: at, target: to } = route(destination, target);
  return [{ change: { action: 'replace', destination: at, from, to }, isCertain }];
};

describe('a target is on trial', () => {
  it('once it replaced an active route, or may have', () => {
    for (const isCertain of [true, false])
      expect(after(undefined, [moved], { made: replacing(moved, isCertain) })).toEqual(trial);
  });

  it('not if it replaced a blackhole', () => {
    const gone = { ...moved, state: 'blackhole' } as const;
    expect(after(undefined, [gone], { made: replacing(gone) })).toBeUndefined();
  });

  it('until a read shows it active', () => {
    expect(after(trial, [via(destination)])).toBeUndefined();
    expect(after(dead, [via(destination)])).toBeUndefined();
  });

  it.each([
    ['moved the route', [moved]],
    ['deleted the route', []],
  ])('also after others %s', (_, routes) => {
    expect(after(trial, routes)).toEqual(trial);
    expect(after(dead, routes)).toEqual(dead);
  });

  it.each<[string, Parameters<typeof desired>]>([
    ['another target', [{ [destination]: 'tgw-aaaaaaaa' }]],
    ['no route', [{}]],
  ])('until the item asks for %s', (_, item) => {
    expect(after(dead, [moved], { item })).toBeUndefined();
  });

  it('and is dead since the first read that shows it as a blackhole', () => {
    expect(after(trial, [blackhole], { minute: 2 })).toEqual({ target, deadSince: at(2) });
    expect(after(dead, [blackhole], { minute: 2 })).toEqual(dead);
  });

  it('and is dead even if that read is not believed', () => {
    const before = memory({ [destination]: { onTrial: trial }, [other]: { onTrial: { target: 'tgw-aaaaaaaa' } } });
    const routes = [blackhole, { ...via(other), state: 'blackhole' as const }];
    const later = withDeadTargets(before, table(routes), now).destinations;
    expect(later.get(destination)?.onTrial).toEqual(dead);
    expect(later.get(other)?.onTrial).toEqual({ target: 'tgw-aaaaaaaa' });
    expect(withDeadTargets(before, table([via(destination)]), now)).toEqual(before);
  });
});

describe('a target that died is tried once more', () => {
  const up = (minute: number, ids: readonly string[] = [target]): ReportedCall => ({
    id: 'call-1',
    name: 'CreateVpcPeeringConnection',
    time: at(minute),
    about: 'target-up',
    ids,
  });
  const tried = (reported: ReportedCall, deadSince = at(0)) =>
    withTargetsUp(memory({ [destination]: { onTrial: { target, deadSince } } }), [reported]).destinations.get(
      destination,
    )?.onTrial;

  it('after a call that makes it come up', () => {
    expect(tried(up(5))).toEqual(trial);
  });

  it('not after a call that was made before it died, however late its event arrives', () => {
    expect(tried(up(-5))).toEqual(dead);
  });

  it('after a call of the same second: CloudTrail reports whole seconds', () => {
    const deadSince = new Date(now.getTime() + 900).toISOString();
    expect(tried(up(0), deadSince)).toEqual(trial);
  });

  it('not after a call about another target, nor after one that takes it down', () => {
    expect(tried(up(5, ['tgw-aaaaaaaa']))).toEqual(dead);
    expect(tried({ id: 'call-1', name: 'x', time: at(5), about: 'target-down', ids: [target] })).toEqual(dead);
  });

  it('and nothing else is forgotten', () => {
    const before = memory({ [destination]: { listed: true, onTrial: trial }, [other]: { ours: target } });
    expect(withTargetsUp(before, [up(5)])).toEqual(before);
  });
});
