import { describe, expect, it } from 'vitest';
import { type ExitCode, exitCode } from '../../cli/exit-code.ts';
import { type Reconciled, type ReconcileWorld, exitCodeAfter, reconcileTables } from '../../cli/reconcile-table.ts';
import { withApproved } from '../../cli/plan.ts';
import { plan, planForMissingTable } from '../../reconciler/core/plan/plan.ts';
import type { Planned } from '../../cli/planned.ts';
import { desired, now, routeTableId } from '../support/builders.ts';
import { VirtualClock } from '../support/ec2/clock.ts';
import { ScriptedFaults } from '../support/ec2/faults.ts';
import { InMemoryEc2 } from '../support/ec2/in-memory-ec2.ts';
import { inMemoryRouteTables } from '../support/ec2/route-tables.ts';
import { inMemoryTargetHealth } from '../support/ec2/target-health.ts';
import { paceOfNobody } from '../support/in-memory-world.ts';

type Routes = Readonly<Record<string, string>>;

interface Scene {
  readonly actual: Routes;
  readonly listed: Routes;
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Fails after the plan was made. */
  readonly arrange?: (ec2: InMemoryEc2, faults: ScriptedFaults) => void;
  readonly interrupted?: AbortSignal;
  /** The ids of approved plans. */
  readonly approve?: readonly string[];
}

/** The world of one `routectl reconcile`, which begins now. */
const worldOf = (ec2: InMemoryEc2, clock: VirtualClock): ReconcileWorld => ({
  tables: inMemoryRouteTables(ec2, { now: clock.now }),
  pace: paceOfNobody,
  targetHealth: inMemoryTargetHealth(ec2),
  now: clock.now,
  sleep: (ms) => clock.sleep(ms),
  until: new Date(now.getTime() + 600_000),
  interrupted: new AbortController().signal,
  verifyMs: 30_000,
  note: () => undefined,
});

async function reconciled({ actual, listed, fields = {}, arrange, interrupted, approve = [] }: Scene): Promise<{
  readonly result: Reconciled;
  readonly code: ExitCode;
  readonly ec2: InMemoryEc2;
  readonly notes: readonly string[];
  readonly tookMs: number;
}> {
  const clock = new VirtualClock(now);
  const faults = new ScriptedFaults();
  const ec2 = new InMemoryEc2({ clock, faults: faults.decide });
  ec2.scenery.table(routeTableId, { routes: actual });
  for (const target of Object.values(listed)) ec2.scenery.target(target);
  const tables = inMemoryRouteTables(ec2, { now: clock.now });
  const item = desired(listed, fields);
  const read = await tables.read(routeTableId);
  const notes: string[] = [];
  const [planned] = withApproved(
    [
      read
        ? { desired: item, actual: read, now, plan: plan(item, read, { now }) }
        : { desired: item, now, plan: planForMissingTable(item) },
    ],
    approve,
  );
  if (!planned || !('plan' in planned)) throw new TypeError('there is no plan');
  arrange?.(ec2, faults);
  const [result] = await reconcileTables([planned], {
    ...worldOf(ec2, clock),
    ...(interrupted && { interrupted }),
    note: (text) => void notes.push(text),
  });
  if (!result) throw new TypeError('there is no result');
  const tookMs = clock.now().getTime() - now.getTime();
  return { result, code: exitCodeAfter(result), ec2, notes, tookMs };
}

const adrift = {
  actual: { '10.1.0.0/16': 'pcx-aaaaaaaa', '10.2.0.0/16': 'pcx-aaaaaaaa', '10.9.0.0/16': 'igw-aaaaaaaa' },
  listed: { '10.1.0.0/16': 'pcx-aaaaaaaa', '10.2.0.0/16': 'pcx-bbbbbbbb', '10.3.0.0/16': 'pcx-bbbbbbbb' },
};

const outcomes = ({ outcome }: Reconciled): string[] =>
  outcome.map(({ action, destination, result }) => `${action} ${destination}: ${result}`);

describe('reconcileTables', () => {
  const vanishing = (ec2: InMemoryEc2): void => ec2.scenery.detach('pcx-bbbbbbbb');

  it('keeps a working route whose listed target EC2 calls dead', async () => {
    const { result, code, ec2 } = await reconciled({
      actual: { '10.2.0.0/16': 'pcx-aaaaaaaa' },
      listed: { '10.2.0.0/16': 'pcx-bbbbbbbb' },
      arrange: vanishing,
    });
    expect(ec2.journal.mutations).toEqual([]);
    expect(result.left.findings).toMatchObject([{ code: 'target-down', destination: '10.2.0.0/16' }]);
    expect(code).toBe(exitCode.drift);
  });

  it('does not create a route whose target EC2 calls dead, and says so', async () => {
    const { result, code, ec2 } = await reconciled({
      actual: {},
      listed: { '10.2.0.0/16': 'pcx-bbbbbbbb' },
      arrange: vanishing,
    });
    expect(ec2.journal.mutations).toEqual([]);
    expect(result.outcome).toMatchObject([{ result: 'refused', kind: 'not-ready', code: 'target-down' }]);
    expect(code).toBe(exitCode.failed);
  });

  const split = {
    actual: { '10.2.0.0/15': 'pcx-aaaaaaaa' },
    listed: { '10.2.0.0/16': 'pcx-bbbbbbbb', '10.3.0.0/16': 'pcx-bbbbbbbb' },
  };

  it('creates the halves of a block before it deletes the block, however late a read shows them', async () => {
    const { result, code, ec2 } = await reconciled({
      ...split,
      arrange: (_, faults) =>
        void faults.strike({ action: 'DescribeRouteTables', after: 1, times: 2 }, { staleMs: 60_000 }),
    });
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(split.listed);
    expect(outcomes(result)).toEqual([
      'create 10.2.0.0/16: done',
      'create 10.3.0.0/16: done',
      'delete 10.2.0.0/15: done',
    ]);
    expect(ec2.journal.lines.at(-1)).toBe('DeleteRoute 10.2.0.0/15');
    expect([result.verified, code]).toEqual([true, exitCode.ok]);
  });

  it('keeps a block if one of its halves is rejected, and reports the delete as skipped', async () => {
    const { result, code, ec2 } = await reconciled({
      ...split,
      arrange: (_, faults) =>
        void faults.strike({ naming: '10.3.0.0/16' }, { refused: { code: 'InvalidTransitGatewayID.NotFound' } }),
    });
    expect(ec2.scenery.routesOf(routeTableId)).toMatchObject(split.actual);
    expect(result.outcome).toContainEqual(
      expect.objectContaining({ destination: '10.2.0.0/15', result: 'skipped', code: 'waits-for-create' }),
    );
    expect([result.verified, code]).toEqual([false, exitCode.failed]);
  });

  it('replaces, deletes and creates, and waits until a read shows it', async () => {
    const { result, code, ec2, notes } = await reconciled(adrift);
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(adrift.listed);
    expect(outcomes(result)).toEqual([
      'replace 10.2.0.0/16: done',
      'delete 10.9.0.0/16: done',
      'create 10.3.0.0/16: done',
    ]);
    expect(result).toMatchObject({ verified: true, left: { inSync: true } });
    expect(result).not.toHaveProperty('failure');
    expect(code).toBe(exitCode.ok);
    expect(notes).toEqual([
      `${routeTableId}: replace 10.2.0.0/16 (pcx-aaaaaaaa → pcx-bbbbbbbb): done`,
      `${routeTableId}: delete 10.9.0.0/16 from igw-aaaaaaaa: done`,
      `${routeTableId}: create 10.3.0.0/16 to pcx-bbbbbbbb: done`,
    ]);
  });

  it('makes no call for a table in sync', async () => {
    const { result, code, ec2 } = await reconciled({ actual: adrift.listed, listed: adrift.listed });
    expect(result).toMatchObject({ outcome: [], verified: true });
    expect(code).toBe(exitCode.ok);
    expect(ec2.journal.calls).toHaveLength(1);
  });

  it.each([
    ['observed', { mode: 'observe' }],
    ['paused', { paused: { reason: 'maintenance' } }],
  ])('changes nothing in a table that is %s: drift is left', async (_, fields) => {
    const { result, code, ec2 } = await reconciled({ ...adrift, fields });
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(adrift.actual);
    expect(result).toMatchObject({ outcome: [], verified: false });
    expect(code).toBe(exitCode.drift);
  });

  it('holds deletes back, but replaces and creates', async () => {
    const { result, code, ec2 } = await reconciled({ ...adrift, fields: { maxDeletes: 0 } });
    expect(ec2.scenery.routesOf(routeTableId)).toEqual({ ...adrift.listed, '10.9.0.0/16': 'igw-aaaaaaaa' });
    expect(result).toMatchObject({ verified: true, left: { blocked: { deletes: [{ destination: '10.9.0.0/16' }] } } });
    expect(code).toBe(exitCode.blocked);
  });

  it('makes the held deletes of an approved plan, and no others', async () => {
    const held = { ...adrift, fields: { maxDeletes: 0 } };
    const { result } = await reconciled(held);
    const approved = await reconciled({ ...held, approve: [result.plan.planId] });
    expect(approved.ec2.scenery.routesOf(routeTableId)).toEqual(adrift.listed);
    expect(approved.code).toBe(exitCode.ok);
    const arrange = (ec2: InMemoryEc2) => ec2.scenery.route(routeTableId, '10.10.0.0/16', 'igw-aaaaaaaa');
    const grown = await reconciled({ ...held, approve: [result.plan.planId], arrange });
    expect(grown.ec2.scenery.routesOf(routeTableId)).toEqual({ ...adrift.listed, '10.10.0.0/16': 'igw-aaaaaaaa' });
    expect(grown.code).toBe(exitCode.blocked);
  });

  it('changes nothing for the id of a plan that no table has', async () => {
    await expect(reconciled({ ...adrift, approve: ['000000000000'] })).rejects.toThrow(
      'no table has a plan 000000000000 now, and nothing was changed',
    );
  });

  it('fails for one rejected route, and changes the others', async () => {
    const { result, code, ec2 } = await reconciled({
      ...adrift,
      arrange: (_, faults) => faults.strike({ action: 'ReplaceRoute' }, { refused: { code: 'OperationNotPermitted' } }),
    });
    expect(ec2.scenery.routesOf(routeTableId)).toEqual({ ...adrift.listed, '10.2.0.0/16': 'pcx-aaaaaaaa' });
    expect(outcomes(result)).toEqual([
      'replace 10.2.0.0/16: refused',
      'delete 10.9.0.0/16: done',
      'create 10.3.0.0/16: done',
    ]);
    expect(result.verified).toBe(false);
    expect(code).toBe(exitCode.failed);
  });

  it('leaves routes of others alone, and reports the remaining drift', async () => {
    const held = { '10.7.0.0/16': 'eni-aaaaaaaa' };
    const { result, code } = await reconciled({
      actual: {},
      listed: { ...held, '10.3.0.0/16': 'pcx-bbbbbbbb' },
      arrange: (ec2) => {
        ec2.scenery.foreignInterface('eni-ffffffff');
        ec2.scenery.route(routeTableId, '10.7.0.0/16', 'eni-ffffffff');
      },
    });
    expect(outcomes(result)).toEqual(['create 10.3.0.0/16: done']);
    expect(result).toMatchObject({ verified: true, left: { inSync: false } });
    expect(code).toBe(exitCode.drift);
  });

  it('waits for a read that shows what was written', async () => {
    const { result, code, tookMs } = await reconciled({
      ...adrift,
      arrange: (_, faults) => faults.strike({ action: 'DescribeRouteTables', after: 1, times: 4 }, { staleMs: 60_000 }),
    });
    expect(result.verified).toBe(true);
    expect(code).toBe(exitCode.ok);
    expect(tookMs).toBeLessThan(10_000);
  });

  it('gives up after 30 s without such a read, and fails', async () => {
    const { result, code, tookMs } = await reconciled({
      ...adrift,
      arrange: (_, faults) => faults.strike({ action: 'DescribeRouteTables', after: 1 }, { staleMs: 3_600_000 }),
    });
    expect(result).toMatchObject({
      verified: false,
      outcome: [{ result: 'done' }, { result: 'done' }, { result: 'done' }],
    });
    expect(code).toBe(exitCode.failed);
    expect(tookMs).toBe(30_000);
  });

  it('does not report success while another route holds the destination', async () => {
    const { result, code } = await reconciled({
      actual: {},
      listed: { '10.3.0.0/16': 'pcx-bbbbbbbb' },
      arrange: (ec2, faults) =>
        faults.strike(
          { action: 'DescribeRouteTables', after: 1, times: 1 },
          {
            justBefore: () => {
              ec2.scenery.foreignInterface('eni-ffffffff');
              ec2.scenery.route(routeTableId, '10.3.0.0/16', 'eni-ffffffff');
            },
          },
        ),
    });
    expect(result).toMatchObject({ verified: false, left: { changes: [], findings: [{ code: 'not-ours' }] } });
    expect(code).toBe(exitCode.failed);
  });

  it('reads the result of a call whose answer was lost', async () => {
    const { result, code } = await reconciled({
      ...adrift,
      arrange: (_, faults) => faults.strike({ action: 'CreateRoute', times: 1 }, { lost: 'answer' }),
    });
    expect(outcomes(result)).toContain('create 10.3.0.0/16: already');
    expect(code).toBe(exitCode.ok);
  });

  it('changes nothing when the table cannot be read again', async () => {
    const { result, code, ec2 } = await reconciled({
      ...adrift,
      arrange: (_, faults) => faults.strike({ action: 'DescribeRouteTables' }, { refused: { code: 'InternalError' } }),
    });
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(adrift.actual);
    expect(result).toMatchObject({ outcome: [], verified: false, failure: expect.stringContaining('InternalError') });
    expect(code).toBe(exitCode.failed);
  });

  it('reports the changes that were made if no read succeeds afterwards', async () => {
    const { result, code } = await reconciled({
      ...adrift,
      arrange: (_, faults) =>
        faults
          .strike({ action: 'CreateRoute' }, { lost: 'call' })
          .strike({ action: 'DescribeRouteTables', after: 1 }, { refused: { code: 'UnauthorizedOperation' } }),
    });
    expect(outcomes(result)).toEqual([
      'replace 10.2.0.0/16: done',
      'delete 10.9.0.0/16: done',
      'create 10.3.0.0/16: unknown',
    ]);
    expect(result.failure).toContain('could not read the route table again');
    expect(code).toBe(exitCode.failed);
  });

  it('starts no call after it is interrupted', async () => {
    const { result, code, ec2 } = await reconciled({ ...adrift, interrupted: AbortSignal.abort() });
    expect(ec2.scenery.routesOf(routeTableId)).toEqual(adrift.actual);
    expect(result).toMatchObject({ verified: false, failure: expect.stringContaining('interrupted') });
    expect(code).toBe(exitCode.failed);
  });

  it('reports a missing table', async () => {
    const { result, code } = await reconciled({
      ...adrift,
      arrange: (ec2) => ec2.scenery.deleteTable(routeTableId),
    });
    expect(result).toMatchObject({ outcome: [], verified: false, left: { findings: [{ code: 'table-not-found' }] } });
    expect(code).toBe(exitCode.failed);
  });
});

describe('100 tables, of which 50 have drifted,', () => {
  const idOf = (n: number): string => `rtb-${n.toString(16).padStart(8, '0')}`;
  const listed = { '10.1.0.0/16': 'pcx-aaaaaaaa' };

  /** Reconciles them, as read a moment before. Each call to EC2 takes `callMs`. */
  async function reconcileAll(drifted: Readonly<Record<string, string>>, callMs: number) {
    const clock = new VirtualClock(now);
    const ec2 = new InMemoryEc2({ clock, faults: () => ({ answersAfterMs: callMs }) });
    for (const target of ['pcx-aaaaaaaa', 'pcx-bbbbbbbb']) ec2.scenery.target(target);
    for (let n = 0; n < 100; n++) ec2.scenery.table(idOf(n), { routes: n < 50 ? drifted : listed });
    const tables = inMemoryRouteTables(ec2, { now: clock.now });
    const planned: Planned[] = [];
    for await (const actual of tables.readMany(Array.from({ length: 100 }, (_, n) => idOf(n)))) {
      const item = { ...desired(listed), routeTableId: actual.routeTableId };
      planned.push({ desired: item, actual, now, plan: plan(item, actual, { now }) });
    }
    const results = await reconcileTables(planned, worldOf(ec2, clock));
    const phases = results.map(({ verified, left }) => verified && left.inSync);
    return { counts: ec2.journal.counts, isRepaired: phases.length === 100 && phases.every(Boolean) };
  }

  it('cost three reads: for the plan, before the changes, and after them', async () => {
    const { counts, isRepaired } = await reconcileAll({}, 100);
    expect(counts).toEqual({ DescribeRouteTables: 3, DescribeTargets: 1, CreateRoute: 50 });
    expect(isRepaired).toBe(true);
  });

  it('cost one more read for every 7.5 s that the changes take, and none of a single table', async () => {
    // 13 rounds of 4 tables: 13 s.
    const { counts, isRepaired } = await reconcileAll({}, 900);
    expect(counts).toMatchObject({ DescribeRouteTables: 3 + 1, CreateRoute: 50 });
    expect(isRepaired).toBe(true);
  });
});

describe('when EC2 throttles changes', () => {
  const listed = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`10.${20 + n}.0.0/16`, 'pcx-aaaaaaaa']));
  const refused = { code: 'RequestLimitExceeded' };

  it('one run makes all of them, as long as each round makes some', async () => {
    const { result, code } = await reconciled({
      actual: {},
      listed,
      arrange: (_, faults) => void faults.strike({ action: 'CreateRoute', after: 2, times: 10 }, { refused }),
    });
    expect(result.outcome.every((one) => one.result === 'done')).toBe(true);
    expect({ verified: result.verified, code }).toEqual({ verified: true, code: exitCode.ok });
  });

  it('a run ends with a failure when no round makes any', async () => {
    const { result, code, ec2 } = await reconciled({
      actual: {},
      listed,
      arrange: (_, faults) => void faults.strike({ action: 'CreateRoute' }, { refused }),
    });
    expect(result.outcome.every((one) => one.code === 'RequestLimitExceeded')).toBe(true);
    expect(ec2.journal.counts['CreateRoute']).toBe(18);
    expect(code).toBe(exitCode.failed);
  });
});
