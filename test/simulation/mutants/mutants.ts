/** One deliberate bug: exact texts of the product and what stands there instead. */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly { readonly file: string; readonly find: string; readonly replace: string }[];
}

const mutant = (name: string, file: string, find: string, replace: string): Mutant => ({
  name,
  edits: [{ file, find, replace }],
});

/** Bugs that a reconciler has when nobody looks; each must be caught by the simulation. */
export const mutants: readonly Mutant[] = [
  mutant(
    'matches routes on their target only',
    'core/plan.ts',
    'slots.static.get(destinationText(wanted.destination))',
    '[...slots.static.values()].find((slot) => sameTarget(wanted.target, slot))',
  ),
  mutant(
    'takes equal kinds of target for equal targets',
    'core/route.ts',
    ' && targetText(desired) === targetText(actual.target)',
    '',
  ),
  mutant(
    'creates before it deletes',
    'apply.ts',
    "['replace', 'delete', 'create'] as const",
    "['replace', 'create', 'delete'] as const",
  ),
  mutant(
    'starts a phase before the last has ended',
    'apply.ts',
    '    await pMap(\n      phase,',
    '    void pMap(\n      phase,',
  ),
  mutant(
    'never looks at triggers that were left',
    'lease.ts',
    'if (released.released) return result;',
    'return result;',
  ),
  mutant(
    'tells nobody when it gives the lease up',
    'lease.ts',
    'if (left.length > 0) await',
    'if (left.length < 0) await',
  ),
  mutant('has leases that never expire', 'lease.ts', 'leaseMs = 70_000', 'leaseMs = 70_000_000'),
  {
    name: 'writes after its lease has ended',
    edits: [
      { file: 'lease.ts', find: 'leaseMs = 70_000', replace: 'leaseMs = 5_000' },
      {
        file: 'lease.ts',
        find: 'Math.min(until.getTime(), mine.expiresAt.getTime() - leaseMarginMs)',
        replace: 'until.getTime()',
      },
      {
        file: 'round.ts',
        find: "if (current.holder !== this.#invocation.requestId) return 'lost';",
        replace: '',
      },
    ],
  },
  mutant('retakes its own lease at once', 'lease.ts', 'retakeAfterMs = 60_000', 'retakeAfterMs = 0'),
  mutant('trusts stale reads', 'core/consistency.ts', 'staleForMs = 30_000', 'staleForMs = 0'),
  mutant(
    'takes a stale read for InSync',
    'converge.ts',
    'if (world.isDoubtful?.(actual, readAt, made))',
    'if (planned.changes.length > 0 && world.isDoubtful?.(actual, readAt, made))',
  ),
  mutant('forgets what it wrote a moment ago', 'core/verdict.ts', '    ...writesAfter(outcomes, before, now),\n', ''),
  mutant(
    'takes a failed read for an empty table',
    'converge.ts',
    "      if (round === 1) throw error;\n      return { ...ending('unfinished', last), unreadable: error };",
    '      actual = { routeTableId: desired.routeTableId, tags: {}, routes: [] };',
  ),
  mutant(
    'keys actual routes by destination alone',
    'core/slots.ts',
    "if (origin === 'propagated' || origin === 'advertised') leftAlone.push({ route, reason: origin });\n    else if (destination.kind",
    'if (destination.kind',
  ),
  mutant(
    'lets propagated routes hold the slot',
    'core/slots.ts',
    "if (origin === 'propagated' || origin === 'advertised')",
    "if (origin === 'advertised')",
  ),
  mutant(
    'deletes routes of gateway endpoints',
    'core/ours.ts',
    "slot.destination.kind === 'prefix-list' && slot.target.kind === 'vpc-endpoint'",
    'false',
  ),
  mutant(
    'takes routes of other accounts for its own',
    'core/ours.ts',
    'owner !== undefined && owner !== actual.ownerId',
    'owner === actual.vpcId',
  ),
  mutant(
    'stops at the first refusal',
    'apply.ts',
    "denied ||= outcome.kind === 'denied';",
    "denied ||= outcome.result === 'refused';",
  ),
  mutant(
    'goes on after a denial, and again',
    'apply.ts',
    'lookAgain: !denied && (cutShort || uncertain)',
    'lookAgain: denied || cutShort || uncertain',
  ),
  mutant(
    'repeats a lost delete blindly',
    'apply.ts',
    '    await writer.apply(routeTableId, change, limits);\n',
    "    await writer.apply(routeTableId, change, limits).catch((error: unknown) => {\n      if (change.action !== 'delete') throw error;\n      return writer.apply(routeTableId, change, limits);\n    });\n",
  ),
  mutant(
    'counts a lost answer as a failure',
    'apply.ts',
    "const result = outcomeUnknown || kind === 'stale' ? 'unknown' : 'refused';",
    "const result = kind === 'stale' ? 'unknown' : 'refused';",
  ),
  mutant(
    'gives up where a route is there already',
    'apply.ts',
    "outcomeUnknown || kind === 'stale' ? 'unknown'",
    "outcomeUnknown ? 'unknown'",
  ),
  mutant('acts on an old read', 'converge.ts', 'readKeepsMs = 10_000', 'readKeepsMs = 1_000_000'),
  mutant(
    'applies the old plan of an edited item to its end',
    'round.ts',
    "isDeepStrictEqual(current.item, item) && sameOrders(current.orders, orders) ? undefined : 'edited'",
    'undefined',
  ),
  mutant(
    'plans anew by the item it knew',
    'round.ts',
    'const told = await checkpoint(this.#routeTableId);',
    'const told = Object.assign(this, { told: Reflect.get(this, "told") ?? (await checkpoint(this.#routeTableId)) }).told;',
  ),
  mutant('goes on when it cannot read whether to', 'round.ts', "return 'unreadable';", 'return undefined;'),
  mutant('looks for edits only once', 'apply.ts', 'checkpointKeepsMs = 5_000', 'checkpointKeepsMs = 5_000_000'),
  mutant(
    'writes its status over anybody else’s',
    'core/verdict.ts',
    'revision: (before?.revision ?? 0) + 1',
    'revision: Math.floor(now.getTime() / 1_000)',
  ),
  mutant('records a plan only when it is done', 'history.ts', '    await this.#states.recordRun(this.#run);\n', ''),
  mutant(
    'records the first plan only',
    'converge.ts',
    'if (planned.planId !== announced) await',
    'if (announced === undefined) await',
  ),
  mutant(
    'never asks to be woken again',
    'round.ts',
    'await this.#world.requeue.send({ routeTableId, nextRetry, hop }, delayMs);',
    '',
  ),
  mutant(
    'says InSync before anybody has seen it',
    'core/verdict.ts',
    "  if (plan.blocked) return { phase: 'Blocked'",
    "  if (outcomes.length > 0) return { phase: 'InSync', reason: 'done' };\n  if (plan.blocked) return { phase: 'Blocked'",
  ),
  mutant('deletes whatever is not listed', 'core/guard.ts', "if (!wasOurs && !appeared) return 'first-deletes';", ''),
  mutant(
    'heeds no maxDeletes',
    'core/guard.ts',
    'const tooMany = deletes.length > most;',
    'const tooMany = deletes.length > most + 1_000;',
  ),
  mutant('enforces a paused item', 'core/orders.ts', '[...(paused ? [paused] : []), ...ordered]', '[...ordered]'),
  {
    name: 'sweeps only tables whose routes changed',
    edits: [
      { file: 'sweep.ts', find: '|| isDue ||', replace: '||' },
      { file: 'sweep.ts', find: 'if (waits.length > 0 && seen.isEnforced) return true;', replace: '' },
    ],
  },

  // ── safe hands ──────────────────────────────────────────────────────────────────────────────────────────────────────
  mutant('does not see a stop in the middle of an apply', 'round.ts', ' && sameOrders(current.orders, orders)', ''),
  mutant(
    'heeds no pause but the one in the item',
    'round.ts',
    'underOrders(parsed.table, told.orders)',
    'underOrders(parsed.table, { pauses: [] })',
  ),
  mutant(
    'forgets a pause that has ended',
    'core/hashes.ts',
    '[...(paused ? [paused] : []), ...(ordered ?? [])].map(',
    '[...(paused ? [paused] : []), ...(ordered ?? [])].filter((pause) => isActive(pause, now)).map(',
  ),
  mutant(
    'takes an end that it cannot read for the end of a stop',
    'core/orders.ts',
    '.catch(undefined);\n\n/** Whatever is written there',
    '.catch(() => new Date(0));\n\n/** Whatever is written there',
  ),
  mutant('holds an approval after an edit', 'core/guard.ts', ' || approval.desiredHash !== desiredHash(desired)', ''),
  mutant(
    'takes part of what is held back for all of it',
    'core/guard.ts',
    'return held.every((change) => isNamedBy(approval, change));',
    'return held.some((change) => isNamedBy(approval, change));',
  ),
  mutant(
    'approves by destination, whatever the target',
    'core/approval.ts',
    'approved.destination === destinationText(destination) && targetNames(from).includes(approved.target)',
    'approved.destination === destinationText(destination)',
  ),
  mutant(
    'takes an old plan id in a new item for an approval',
    'core/approval.ts',
    'const wasShown = waiting?.planId === named && waiting.named !== named;',
    'const wasShown = waiting?.planId === named;',
  ),
  mutant('takes up a spent approval again', 'core/approval.ts', ' || approval.id === record.tookApproval', ''),
  mutant(
    'gives way to others for no time at all',
    'core/contest.ts',
    'Date.parse(contest.until) > now.getTime()',
    'Date.parse(contest.until) < 0',
  ),
  mutant(
    'waits no longer the longer a fight lasts',
    'core/contest.ts',
    'Math.min(longestWaitMs, 2 * before.contest.waitMs)',
    'firstWaitMs',
  ),
  mutant(
    'lets events cut short what a fight made it wait',
    'core/retry.ts',
    'if (isContested(changeAsJson(change), heals, now)) return true;\n  if (triggers',
    "if (!triggers.some(({ kind }) => kind === 'event') && isContested(changeAsJson(change), heals, now)) return true;\n  if (triggers",
  ),
  mutant(
    'ends no contest, however quiet it is',
    'core/contest.ts',
    'if (contest) return quietSince === undefined ||',
    'if (contest) return quietSince !== now.toISOString() ||',
  ),
  mutant(
    'replaces a working route with the same blackhole again',
    'core/ours.ts',
    "slot.state === 'active' && isKnownDead(wanted, on)",
    "slot.state === 'filtered' && isKnownDead(wanted, on)",
  ),
  mutant(
    'holds back replaces and creates as well',
    'core/guard.ts',
    "action !== 'delete' || !held.has(destinationText(destination))",
    'held.size === 0',
  ),
  mutant(
    'asks a person for every delete',
    'core/guard.ts',
    "if (!wasOurs && !appeared) return 'first-deletes';",
    "return 'first-deletes';",
  ),
  mutant(
    'asks a person for every delete of a route that appeared',
    'core/guard.ts',
    'const appeared = isClean && !record.spared.has(destinationText(change.destination));',
    'const appeared = false;',
  ),
  mutant(
    'asks a person for every route that an edit took out',
    'core/guard.ts',
    'const wasOurs = isOwned({ ...change.from, destination: change.destination }, { record });',
    'const wasOurs = false;',
  ),
  mutant(
    'lets a default route go that an edit took out',
    'core/guard.ts',
    '!(appeared && !wasListed(change.destination, record))',
    '!appeared',
  ),
  mutant(
    'lets ten deletes go unasked, however small the table is',
    'core/guard.ts',
    'Math.max(1, Math.min(10, Math.floor(routesThatAreOurs / 2)))',
    'Math.max(10, routesThatAreOurs * 0)',
  ),
  mutant(
    'does not notice that a replace led into a blackhole',
    'core/record.ts',
    "const isDead = isThere && slot.state === 'blackhole';",
    'const isDead = false;',
  ),
  mutant(
    'takes the end of a target for its return',
    'aws/cloudtrail.ts',
    "effect === 'target-up' && {",
    'pattern && {',
  ),
  mutant(
    'tries a dead target again for an event of before its end',
    'core/record.ts',
    'Date.parse(time) + 1_000 > Date.parse(deadSince)',
    'Date.parse(time) < Infinity',
  ),
  mutant(
    'learns of no blackhole from a read that it doubts',
    'converge.ts',
    '      if (record) record = withDeadTargets(record, actual, readAt);\n',
    '',
  ),
  mutant(
    'forgets a blackhole with its route',
    'core/record.ts',
    "if (isThere && slot.state === 'active') continue;",
    "if (!slot || (isThere && slot.state === 'active')) continue;",
  ),
  mutant(
    'makes a route anew that was taken away as it led nowhere',
    'core/decide.ts',
    'isKnownDead(wanted, on) ? notAgain(wanted) : ',
    '',
  ),
  mutant(
    'puts no route on trial whose answer was lost',
    'converge.ts',
    'outcome && mayHaveWritten(outcome)',
    'outcome && isDone(outcome)',
  ),
  mutant(
    'counts as a heal what nobody knows to be one',
    'core/heals.ts',
    "result === 'done' || (result === 'already' && action !== 'delete')",
    "result !== 'refused' && result !== 'skipped' && action !== undefined",
  ),
  mutant('spends an approval only when a read shows it', 'core/approval.ts', ' && !made.has(change)', ''),
  mutant(
    'heeds a stop under its own name only',
    'core/orders.ts',
    'Object.values(pauseFields).flatMap((name) => pauseOf(field(item, name), of))',
    "pauseOf(field(item, of === 'fleet' ? pauseFields.fleet : pauseFields.table), of)",
  ),
  mutant(
    'manages what is out of scope',
    'core/ours.ts',
    '(desired.scope?.some((block) => covers(block, slot.destination)) === false ? ',
    '(desired.scope?.length === 0 ? ',
  ),
  mutant(
    'deletes what a service keeps in a table it marked',
    'core/ours.ts',
    "(isServiceManaged(slot, on.actual) ? 'service-managed' : undefined) ??",
    '',
  ),
  mutant('lets an approval hold for ever', 'core/guard.ts', ' || approval.until <= now', ''),
  mutant(
    'forgets what is ignored without an end',
    'core/ignore.ts',
    '!entry.until || entry.until > now',
    'entry.until !== undefined && entry.until > now',
  ),
  mutant(
    'lets the sweep pass by tables that have no item any more',
    'sweep.ts',
    '  if (!cutShort) await letGoOfItemless(seen, world, invocation);',
    '',
  ),
  {
    name: 'remembers what an item earned when it is deleted',
    edits: [
      { file: 'core/verdict.ts', find: '({ tookApproval }: TableRecord)', replace: '(record: TableRecord)' },
      {
        file: 'core/verdict.ts',
        find: '...recordFields({ ...emptyRecord, ...(tookApproval !== undefined && { tookApproval }) }),',
        replace: '...recordFields(record),',
      },
    ],
  },
];
