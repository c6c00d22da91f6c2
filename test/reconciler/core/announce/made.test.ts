import { describe, expect, it } from 'vitest';
import { type Recorded, madeBy } from '../../../../reconciler/core/announce/made.ts';
import type { Run, RunOutcome } from '../../../../reconciler/core/announce/history.ts';
import type { ReportedCall } from '../../../../reconciler/core/memory/call.ts';
import { actual, route, routeTableId, throughInstance } from '../../../support/builders.ts';

const alice = { arn: 'arn:aws:iam::111122223333:user/alice' };
const at = (time: string): string => `2026-11-23T${time}Z`;

const call = (
  time: string,
  target: string | undefined,
  name = 'ReplaceRoute',
  destination = '10.20.0.0/16',
): ReportedCall => ({
  id: `${time} ${name}`,
  name,
  time: at(time),
  actor: alice,
  about: 'route',
  destination,
  ...(target !== undefined && { target }),
});

const run = (time: string, outcome: RunOutcome): Run => ({
  routeTableId,
  id: time,
  trigger: { kind: 'event' },
  plan: { routeTableId, inSync: false, planId: 'plan', changes: [], unchanged: 0, leftAlone: [], findings: [] },
  outcome: [{ at: at(time), ...outcome }],
  detectedAt: at(time),
});

const repair = (to: string, more: Partial<RunOutcome> = {}): RunOutcome => ({
  action: 'replace',
  destination: '10.20.0.0/16',
  from: 'igw-aaaaaaaa',
  to,
  result: 'done',
  ...more,
});

const peer = actual(route('10.20.0.0/16', 'pcx-aaaaaaaa'));
const found = ({ runs = [], calls = [], ...more }: Partial<Recorded>) => madeBy(peer, { runs, calls, ...more });

describe('how a route came to its target', () => {
  it('is the latest call that asked for the target', () => {
    const calls = [call('12:00:00', 'igw-aaaaaaaa'), call('12:05:00', 'pcx-aaaaaaaa')];
    expect(found({ calls })).toEqual({ at: at('12:05:00'), how: 'call', call: 'ReplaceRoute', actor: alice });
  });

  it('is the repair, with who made it necessary', () => {
    const runs = [run('12:05:00.500', repair('pcx-aaaaaaaa', { actor: alice }))];
    expect(found({ runs, calls: [call('12:05:00', 'igw-aaaaaaaa')] })).toEqual({
      at: at('12:05:00.500'),
      how: 'repair',
      actor: alice,
    });
    expect(found({ runs: [run('12:05:00', repair('pcx-aaaaaaaa', { actor: 'unattributed' }))] })).toEqual({
      at: at('12:05:00'),
      how: 'repair',
    });
  });

  it('is the first of several calls for the same target: the later ones changed nothing', () => {
    const calls = [
      call('12:00:00', 'igw-aaaaaaaa'),
      call('12:05:00', 'pcx-aaaaaaaa'),
      call('12:06:00', 'pcx-aaaaaaaa', 'CreateRoute'),
    ];
    expect(found({ calls })?.at).toBe(at('12:05:00'));
    expect(found({ calls: calls.slice(1) })?.at).toBe(at('12:05:00'));
  });

  it('is unknown if the latest record contradicts the route', () => {
    expect(found({ calls: [call('12:00:00', 'pcx-aaaaaaaa'), call('12:05:00', 'igw-aaaaaaaa')] })).toBeUndefined();
    expect(
      found({ calls: [call('12:00:00', 'pcx-aaaaaaaa'), call('12:05:00', undefined, 'DeleteRoute')] }),
    ).toBeUndefined();
  });

  it('may be a call within the second of a repair, for a call has no finer time', () => {
    const runs = [run('12:05:00.500', repair('igw-aaaaaaaa'))];
    expect(found({ runs, calls: [call('12:05:00', 'pcx-aaaaaaaa')] })?.how).toBe('call');
  });

  it('is what a read found, if no event reported a call', () => {
    const drift = { action: 'replace', destination: '10.20.0.0/16', from: 'pcx-aaaaaaaa', to: 'tgw-aaaaaaaa' } as const;
    expect(found({ drift: [{ ...drift, foundAt: at('12:05:00') }] })).toEqual({ at: at('12:05:00'), how: 'found' });
    const cause = { id: '1', name: 'CreateRoute', time: at('12:04:00'), actor: alice };
    expect(found({ drift: [{ ...drift, foundAt: at('12:05:00'), cause }] })).toEqual({
      at: at('12:04:00'),
      how: 'call',
      call: 'CreateRoute',
      actor: alice,
    });
  });

  it('is neither a refused change, nor one that was made already, nor a call for another destination', () => {
    expect(found({ runs: [run('12:00:00', repair('pcx-aaaaaaaa', { result: 'already' }))] })).toBeUndefined();
    expect(found({ runs: [run('12:00:00', repair('pcx-aaaaaaaa', { result: 'refused' }))] })).toBeUndefined();
    expect(found({ calls: [call('12:00:00', 'pcx-aaaaaaaa', 'CreateRoute', '10.21.0.0/16')] })).toBeUndefined();
  });

  it('knows an instance by the interface that EC2 shows', () => {
    const calls = [call('12:00:00', 'i-aaaaaaaa', 'CreateRoute')];
    expect(madeBy(throughInstance('10.20.0.0/16'), { runs: [], calls })?.actor).toEqual(alice);
  });
});
