import { isDeepStrictEqual } from 'node:util';
import { destinationsWhere } from '../../reconciler/core/memory/memory.ts';
import type { SweepRecord } from '../../reconciler/core/status/sweep-record.ts';
import type { StoredState } from '../../reconciler/ports.ts';
import { waitingIn } from '../../reconciler/core/plan/guard.ts';
import { isByEdit, isSurelyDrift } from './brake.ts';
import { createRoute, replaceRoute } from '../support/ec2/rules.ts';
import { type StoredRoute, type Table, type World, isUsable, prefixOf, slotAt } from '../support/ec2/world.ts';
import { toleranceMs } from './fights.ts';
import { isHalted } from './halts.ts';
import { instance, itsInterface } from './instances.ts';
import { callOf } from './calls.ts';
import {
  type Deviation,
  type Spec,
  allowedFor,
  allowedIn,
  deviations,
  everythingKnown,
  isDefault,
  isInDoubt,
  isLeftByItem,
  isRetargetedLocal,
  isEnforced,
  isHeld,
  isLeftForNow,
  mayDelete,
  mayReplace,
  names,
  overlap,
  rulesOf,
  wantedAt,
} from './oracle.ts';
import { deletesIn, mostDeletes } from './memory.ts';
import { sightOf } from './shown.ts';
import {
  type Facts,
  askedBy,
  type Look,
  type Mutation,
  type Read,
  type TableFacts,
  type Version,
  isRescue,
  mayBeUnseen,
  tell,
} from './facts.ts';

/** Named checks. Each returns a sentence that says how it is violated, or undefined. */
export type Invariants<A extends readonly unknown[]> = Readonly<Record<string, (...about: A) => string | undefined>>;

const second = 1_000;

/** Checked just before a function calls EC2. */
export const atMutation: Invariants<[Mutation, Look, Facts]> = {
  'only the holder of the lease writes': (mutation, _, { holder }) => {
    const holds = holder(mutation.routeTableId);
    return holds === mutation.by.requestId
      ? undefined
      : `${tell(mutation)}, but the lease is with ${holds ?? 'nobody'}`;
  },

  'nothing is written after the lease has ended': (mutation, { leaseEndsAt }, { time }) =>
    time() < leaseEndsAt ? undefined : `${tell(mutation)}, ${time() - leaseEndsAt} ms after the lease ended`,

  'one apply per table at a time': (mutation, _, { looks }) => {
    const other = [...looks].find(
      (look) =>
        look.routeTableId === mutation.routeTableId && look.by !== mutation.by && look.applying && !look.by.isOver,
    );
    return other && `${tell(mutation)}, while ${other.by.name} is applying`;
  },

  'no write rests on a read older than 10 s': (mutation, _, { time }) => {
    const ageMs = time() - mutation.read.startedAt;
    return ageMs <= 10 * second ? undefined : `${tell(mutation)}, on a read of ${ageMs} ms ago`;
  },

  'one call for each destination and read': (mutation) => {
    const earlier = mutation.read.mutations.find(({ destination }) => destination === mutation.destination);
    return earlier && `${tell(mutation)}, after ${earlier.action} ${earlier.to ?? ''} with no read in between`;
  },

  'replaces, then deletes, then creates': (mutation) => {
    const order = ['replace', 'delete', 'create'];
    const rank = order.indexOf(mutation.action);
    const wrong = mutation.read.mutations.find(({ action, endedAt }) =>
      order.indexOf(action) < rank ? endedAt === undefined : order.indexOf(action) > rank,
    );
    return wrong && `${tell(mutation)}, but ${tell(wrong)} ${wrong.endedAt ? 'was before' : 'has not ended'}`;
  },

  'a plan is recorded before its first write': (mutation, { runs }) => {
    const { action, destination, to } = mutation;
    const isRecorded = runs.some(({ plan }) =>
      plan.changes.some((change) => change.action === action && change.destination === destination && change.to === to),
    );
    return isRecorded ? undefined : `${tell(mutation)} is in no run that was recorded before`;
  },

  'nothing is written without a valid, enforced item': (mutation, { halts }) => {
    const { spec, index } = mutation.version;
    const readAt = mutation.read.startedAt + mutation.by.skewMs;
    if (!spec || !isEnforced(spec, readAt)) return `${tell(mutation)}, but version ${index} asks for nothing`;
    return isHalted(halts, readAt) ? `${tell(mutation)}, but it is paused or stopped` : undefined;
  },

  'nothing is written 5 s after a pause or stop': (mutation, _, { halts, time }) => {
    // By the function's clock, the halt may be over.
    const since = halts.since(mutation.routeTableId, time() + Math.max(0, mutation.by.skewMs));
    const lateMs = since === undefined ? 0 : time() - since - 5 * second - Math.abs(mutation.by.skewMs);
    return lateMs > 0 ? `${tell(mutation)}, ${lateMs} ms too late: somebody had ordered a halt` : undefined;
  },

  'a held destination is left as it is': ({ version, destination, read, by, ...mutation }) =>
    version.spec && isHeld(version.spec, destination, read.startedAt + by.skewMs)
      ? `${tell({ version, destination, read, by, ...mutation })}, which is held`
      : undefined,

  'nothing is written 5 s after a hold': (mutation, _, { holds, time }) => {
    const { routeTableId, destination, by } = mutation;
    const since = holds.since(routeTableId, destination, time() + Math.max(0, by.skewMs));
    const lateMs = since === undefined ? 0 : time() - since - 5 * second - Math.abs(by.skewMs);
    return lateMs > 0 ? `${tell(mutation)}, ${lateMs} ms too late: somebody had ordered a hold` : undefined;
  },

  'repairs that others undo back off': (mutation, _, watch) => {
    // A repeat of a write that no read has shown counts as no repair.
    if (watch.readsMayLagMinutes) return undefined;
    if (isRescue(mutation)) return undefined;
    const { fights } = watch.facts(mutation.routeTableId);
    const earlyMs = fights.tooEarly(mutation.destination, mutation.to, watch.time());
    return earlyMs > 0 ? `${tell(mutation)}, ${earlyMs} ms too early in a fight` : undefined;
  },

  'no traffic goes to a target that EC2 calls dead': (mutation, _, watch) => {
    const { action, to, worked, by, read } = mutation;
    if (to === undefined || to === 'local' || prefixOf(to) === 'core-network') return undefined;
    if (action !== 'create' && !worked) return undefined;
    const answers = watch.answers(by, to, read.startedAt);
    if (answers.length === 0) return `${tell(mutation)}, and EC2 was not asked about ${to}`;
    return answers.every(({ isAlive }) => isAlive === false) ? `${tell(mutation)}, which EC2 calls dead` : undefined;
  },

  'a working route moves to a target that was dead after 5 minutes at the earliest': (mutation, _, watch) => {
    const { destination, to, worked, routeTableId } = mutation;
    const dead = watch.facts(routeTableId).dead.get(destination);
    if (!worked || !dead || dead.target !== to) return undefined;
    const agoMs = watch.time() - dead.at;
    return agoMs < 300 * second - toleranceMs ? `${tell(mutation)}, which was dead ${agoMs} ms ago` : undefined;
  },

  'a route on an active target or alternate is not touched': ({ version, read, ...mutation }, _, watch) => {
    const { routeTableId, destination, by } = mutation;
    const table = read.shown?.world.tables.get(routeTableId);
    const slot = table && slotAt(table, destination);
    const route = version.spec && wantedAt(version.spec, destination);
    if (!slot || !read.shown || !allowedIn(slot, route, read.shown.world)) return undefined;
    // A read may be older than what EC2 answers about the target.
    const isDead = watch.answers(by, slot.target, read.startedAt).some(({ isAlive }) => isAlive === false);
    return !isDead && isUsable(slot, table, read.shown.world)
      ? `${tell({ version, read, ...mutation })}, and ${slot.target} works and is allowed there`
      : undefined;
  },

  'an alternate is used, and a dead target is left, only if EC2 calls the new one alive': (mutation, _, watch) => {
    const { to, by, read, version, destination } = mutation;
    const isAlternate = version.spec && wantedAt(version.spec, destination)?.alternates?.includes(to ?? '');
    if (to === undefined || !(isAlternate || isRescue(mutation))) return undefined;
    return watch.answers(by, to, read.startedAt).some(({ isAlive }) => isAlive === true)
      ? undefined
      : `${tell(mutation)}, and EC2 did not call ${to} alive`;
  },

  'a route is led to the first of its targets that is alive': (mutation, _, watch) => {
    const { destination, to, by, read, version, routeTableId, worked } = mutation;
    const route = version.spec && wantedAt(version.spec, destination);
    if (!route || to === undefined) return undefined;
    // A working route waits until its target was alive for 5 minutes.
    const wasDead = watch.answers(by, route.target, 0).some(({ isAlive }) => isAlive === false);
    const mayWait =
      wasDead || (worked && watch.facts(routeTableId).state?.memory.destinations.get(destination)?.down !== undefined);
    const earlier = allowedFor(route)
      .slice(mayWait ? 1 : 0)
      .filter((_target, index, all) => index < all.indexOf(to));
    const better = earlier.find((target) => {
      const answers = watch.answers(by, target, read.startedAt);
      return answers.length > 0 && answers.every(({ isAlive }) => isAlive === true);
    });
    return better && `${tell(mutation)}, and EC2 calls ${better} alive, which comes before it`;
  },

  'an edited item ends the old plan within 5 s': (mutation, _, watch) => {
    const { versions } = watch.facts(mutation.routeTableId);
    const same = versions.findLastIndex(({ item }) => isDeepStrictEqual(item, mutation.version.item));
    const next = versions[same + 1];
    const lateMs = next ? watch.time() - next.at - 5 * second : 0;
    return lateMs <= 0
      ? undefined
      : `${tell(mutation)} of version ${mutation.version.index}, ${lateMs} ms too late: version ${next?.index} was there`;
  },

  'no phase begins without a checkpoint': (mutation, look) =>
    wasAllowed(look) ? undefined : `${tell(mutation)}, but the last checkpoint did not allow it`,

  'nothing is written after EC2 denied a write': (mutation, { mutations, lookedAt }) => {
    const denied = mutations.find(({ outcome, endedAt }) => outcome === 'denied' && (endedAt ?? 0) > lookedAt);
    return denied && `${tell(mutation)}, although EC2 denied ${tell(denied)}`;
  },

  'each write turns what was read into what is desired': (mutation) => {
    const { action, destination, from, to, version, read } = mutation;
    const table = read.shown?.world.tables.get(mutation.routeTableId);
    if (!version.spec || !read.shown || !table) return `${tell(mutation)} without item, table or read`;
    const slot = slotAt(table, destination);
    const isToBeLocal = slot && isRetargetedLocal(slot) && !wantedAt(version.spec, destination);
    const route = wantedAt(version.spec, destination);
    const wanted: readonly (string | undefined)[] = isToBeLocal ? ['local'] : route ? allowedFor(route) : [undefined];
    const found = `${tell(mutation)}, but the item wants ${wanted.join(' or ')} and the read showed ${slot?.target}`;
    if (!wanted.includes(to)) return found;
    if (action === 'create') return slot ? found : undefined;
    return slot && slot.target === from && !(to && names(slot, read.shown.world).includes(to)) ? undefined : found;
  },

  'routes that are not ours are never written': (mutation, look, watch) => {
    const { action, destination, read } = mutation;
    const sight = sightOf(read, look);
    const slot = sight && slotAt(sight.table, destination);
    if (!slot || action === 'create') return undefined;
    const facts = watch.facts(mutation.routeTableId);
    const known = {
      wasAsListed: (at: string) => facts.owned.has(at) || isApproved(mutation, facts),
      wasLocal: (at: string) => facts.local.has(at),
    };
    const wanted = wantedAt(sight.spec, destination);
    const overrideLocal = wanted?.overrideLocal ?? wanted?.target === 'local';
    const isOurs =
      action === 'delete'
        ? mayDelete(slot, sight)
        : wanted
          ? mayReplace(slot, { overrideLocal }, { ...sight, known })
          : known.wasLocal(destination) && !isLeftByItem(slot, sight);
    return isOurs ? undefined : `${tell(mutation)}: ${slot.origin} ${slot.target} is not ours`;
  },

  'a private route that may belong to somebody else is not deleted without approval': (mutation, look, watch) => {
    const { action, destination, read } = mutation;
    const sight = sightOf(read, look);
    const slot = sight && slotAt(sight.table, destination);
    const isAsked = action !== 'delete' || isApproved(mutation, watch.facts(mutation.routeTableId));
    return slot && !isAsked && isInDoubt(slot, sight) ? `${tell(mutation)}, which may be somebody else’s` : undefined;
  },

  'deletes are earned': (mutation, _, watch) => {
    const { action, destination, from, version } = mutation;
    const facts = watch.facts(mutation.routeTableId);
    if (action !== 'delete' || isApproved(mutation, facts) || facts.arrivals.has(destination)) return undefined;
    const wasOurs = from !== undefined && facts.owned.get(destination)?.has(from);
    if (!wasOurs) return `${tell(mutation)}: it came while the table was not watched, and was never ours`;
    if (isDefault(destination)) return `${tell(mutation)}: a default route that did not appear`;
    return version.spec?.routes.length === 0 ? `${tell(mutation)}: an edit that takes all routes out` : undefined;
  },

  'while an item is invalid, no route is deleted that an edit removed': (mutation, _, watch) => {
    const { action, destination, from, version, routeTableId } = mutation;
    const isOurs = watch.facts(routeTableId).memory.owned.get(destination) === from;
    return version.isStandIn && action === 'delete' && isOurs
      ? `${tell(mutation)}: it was ours, and the item is invalid`
      : undefined;
  },

  'no edit deletes a route before its overlapping creates are seen': (mutation, _, watch) => {
    const { action, destination, from, version, read, by, routeTableId } = mutation;
    const facts = watch.facts(routeTableId);
    const table = read.shown?.world.tables.get(routeTableId);
    const now = read.startedAt + by.skewMs;
    if (action !== 'delete' || !version.spec || !table || isApproved(mutation, facts)) return undefined;
    if (facts.memory.owned.get(destination) !== from || watch.wasFull(routeTableId)) return undefined;
    // A delete of a route that appeared never waits.
    if (facts.arrivals.has(destination)) return undefined;
    const { spec } = version;
    const missing = spec.routes.find(
      (route) =>
        overlap(route.destination, destination) &&
        route.target !== 'local' &&
        !slotAt(table, route.destination) &&
        !isLeftForNow(spec, route, now),
    );
    return missing && `${tell(mutation)}, and the read shows no ${missing.destination}`;
  },

  'no more deletes than maxDeletes': (mutation, look, watch) => {
    const sight = sightOf(mutation.read, look);
    const facts = watch.facts(mutation.routeTableId);
    const byEdits = sight ? deletesIn(sight).filter((one) => !facts.memory.arrivals.has(one)).length : 0;
    const most = sight ? mostDeletes(sight, { known: everythingKnown, byEdits }) : 0;
    const { action, destination, version } = mutation;
    if (action !== 'delete' || isApproved(mutation, facts) || facts.arrivals.has(destination)) return undefined;
    // All deletes of one version count, in however many reconciles they are made.
    facts.unasked.push({ version: version.index, destination, most });
    const same = facts.unasked.filter((one) => one.version === version.index);
    const deletes = new Set(same.map((one) => one.destination)).size;
    const allowed = Math.max(...same.map((one) => one.most));
    return deletes > allowed ? `${tell(mutation)} is delete ${deletes}, and ${allowed} go without asking` : undefined;
  },

  'edits change few tables at a time, unless a person approves': (mutation, _, watch) => {
    const { routeTableId } = mutation;
    const facts = watch.facts(routeTableId);
    const isUnsure = watch.faults.knows('restored from a backup');
    // A read from before our own write makes a route in force look as if others had made it.
    if (isUnsure || mayBeUnseen(mutation.destination, facts, watch, mutation)) return undefined;
    if (!isByEdit(mutation, facts) || isApproved(mutation, facts)) return undefined;
    if (watch.edits.isApproved(facts.state?.memory.braked?.edit, watch.time())) return undefined;
    const tables = watch.edits.changes(routeTableId, watch.time());
    return tables > watch.edits.tooMany ? `${tell(mutation)} is an edit of table ${tables} in 10 minutes` : undefined;
  },

  'what waits as an edit goes only when a person approves, or with another edit': (
    mutation,
    { before, round },
    watch,
  ) => {
    const { routeTableId, destination, from, version } = mutation;
    const facts = watch.facts(routeTableId);
    const { planned } = facts;
    const { plan } = before?.status ?? {};
    const waits = waitingIn(plan?.blocked).some(
      (one) => one.code === 'fleet-edit' && one.destination === destination && one.target === from,
    );
    const isSameVersion = planned?.index === version.index;
    // Others may have removed the route and made it again: then it is drift. Reads that show earlier times by turns may
    // make it seem so.
    const isTouched = (facts.touched.get(destination) ?? 0) > (planned?.asOf ?? 0);
    const seemsTouched =
      watch.readsMayLagMinutes &&
      round.reads.some(({ shown }) => {
        const table = shown?.world.tables.get(routeTableId);
        return shown && table && !isSo(destination, from, table, shown.world);
      });
    const isDrift = isTouched || seemsTouched;
    if (!waits || plan?.blocked?.edit === undefined || !isSameVersion || isDrift || isApproved(mutation, facts))
      return undefined;
    return watch.edits.isApproved(facts.state?.memory.braked?.edit, watch.time())
      ? undefined
      : `${tell(mutation)} waited as ${plan.blocked.edit}`;
  },

  'repeats of a write that no read shows back off': (mutation, _, watch) => {
    const { routeTableId, destination, to, version, startedAt } = mutation;
    const { mutations, reported, runs } = watch.facts(routeTableId);
    const { skewMs } = watch.pace;
    const same = mutations.filter((one) => one !== mutation && one.destination === destination).toReversed();
    const last = same.findIndex(
      (one) =>
        one.to !== to ||
        one.outcome !== 'done' ||
        !one.isRemembered ||
        one.isSeen === true ||
        one.version.index !== version.index ||
        // If our clock is late, a call from before the write seems to come after it.
        reported.some(({ madeAt }) => madeAt >= one.startedAt - second - skewMs) ||
        // A function with a fast clock planned a change here and died: it may seem to have made it after this write.
        [...runs.values()].some(
          ({ by, run: { detectedAt, plan } }) =>
            by !== one.by &&
            by !== mutation.by &&
            Date.parse(detectedAt) >= one.startedAt - skewMs &&
            plan.changes.some((change) => change.destination === destination),
        ),
    );
    const repeated = last < 0 ? same : same.slice(0, last);
    const [before] = repeated;
    if (!before) return undefined;
    const waitMs = Math.min(900, 30 * 2 ** (repeated.length - 1)) * second - 10 * second;
    const agoMs = startedAt - (before.endedAt ?? 0);
    return agoMs < waitMs ? `${tell(mutation)}, ${agoMs} ms after its repeat ${repeated.length}` : undefined;
  },

  'a stale read is not acted on': (mutation, look, watch) => {
    const { routeTableId, destination, read } = mutation;
    const known = lastKnown(routeTableId, destination, look, watch);
    // A write that may not have been made may be repeated.
    if (known?.outcome === 'unknown' && known.to === mutation.to) return undefined;
    if (!known || !isOlderThan(known, read) || shows(read, known) || !staleReadsShow(known, read, watch))
      return undefined;
    return `${tell(mutation)}, on a read that shows the time before ${tell(known)}`;
  },
};

/** Checked when a function reads a table in EC2. */
export const atRead: Invariants<[Look]> = {
  'a function reads a table at most 20 times in a round': ({ round: { reads }, by, routeTableId }) =>
    reads.length > 20 ? `${by.name} read ${routeTableId} ${reads.length} times` : undefined,
};

/** Checked when the answer to a call arrives. */
export const atAnswer: Invariants<[Mutation, Facts]> = {
  'no write repeats what is already there': (mutation, watch) => {
    const { destination, changed, outcome, landedAt = 0 } = mutation;
    const { mutations, touched } = watch.facts(mutation.routeTableId);
    const isNeedless = (outcome === 'done' && !changed) || outcome === 'stale';
    // While reads lag, a write is repeated after 15 minutes at the latest.
    const since = landedAt - (watch.readsMayLagMinutes ? 1_800 : 90) * second;
    const wasOthers = (touched.get(destination) ?? -Infinity) > since;
    const wasOurs = mutations.some(
      (other) => other !== mutation && other.destination === destination && other.startedAt > since,
    );
    return isNeedless && !wasOthers && !wasOurs
      ? `${tell(mutation)} changed nothing, and nobody else changed the route`
      : undefined;
  },
};

/** Checked when a status was written. */
export const atStatus: Invariants<[StoredState, Look, StoredState | undefined, Facts]> = {
  'nobody is named for an instance that crashed': ({ memory, status }, _, __, { instances, faults }) => {
    // Without the events of the start, an earlier call looks like the last one.
    if (faults.knows('dropped event', 'delayed event', 'reordered event', 'switched off for a while')) return undefined;
    for (const [destination, { down, rescue }] of memory.destinations)
      for (const dead of [down, rescue]) {
        const named = dead?.takenDown?.actor;
        if (!named || !['eni', 'i'].includes(prefixOf(dead.target))) continue;
        if (instances.hadCrashed(Date.parse(dead.since)))
          return `${status.routeTableId} ${destination}: ${named.arn} is named, but ${instance} crashed`;
      }
    return undefined;
  },

  'a status replaces the one on which it rests': ({ revision }, { before }, replaced) =>
    replaced?.revision === before?.revision
      ? undefined
      : `revision ${revision} follows ${before?.revision}, and was written over ${replaced?.revision}`,

  'InSync rests on a read that was in sync': ({ status }, look) => {
    const phase = status.inForce?.phase ?? status.phase;
    const { shown } = look.read ?? {};
    const spec = look.version?.spec;
    const table = shown?.world.tables.get(look.routeTableId);
    if (phase !== 'InSync') return undefined;
    if (!shown || !spec || !table) return 'InSync without item, table or read';
    // An ignore entry may have ended before the status was written.
    const readAt = (look.read?.startedAt ?? 0) + look.by.skewMs;
    const wrong = deviations(spec, table, shown.world, readAt)[0];
    return wrong && `InSync, but the read showed ${wrong.found} at ${wrong.destination}, not ${wrong.wanted}`;
  },

  'no earned delete is held back': (
    { status: { phase: shown, inForce, plan }, memory: { doubt, readAt } },
    look,
    _,
    watch,
  ) => {
    const phase = inForce?.phase ?? shown;
    const sight = sightOf(look.read, look);
    if (!plan?.blocked || doubt || phase === 'Drifted' || !sight?.isEnforced) return undefined;
    if (sight.rules !== rulesOf(sight.spec, look.halts, look.by.now().getTime())) return undefined;
    const { memory } = watch.facts(look.routeTableId);
    // If the last read was not believed, the status rests on the read before.
    if (readAt !== new Date(sight.now).toISOString()) return undefined;
    // A route that stays because its listed target is down does not count as ours, so the limit differs.
    const isOther = plan.leftAlone.some(({ reason }) => reason === 'target-down');
    const earned = plan.blocked.deletes.find(({ destination, code }) =>
      isOther || code === 'fleet-edit' ? memory.mustGo(destination, sight) : memory.isEarned(destination, sight),
    );
    return earned && `${earned.destination} waits for a person (${plan.blocked.code}), and was earned`;
  },

  'the fleet brake stops an edit only when edits change many tables': (
    { memory: { braked } },
    { before, routeTableId },
    _,
    { edits, tables, time },
  ) => {
    // Without the row of the brake, nobody knows the number, and no edit has a name. What waits goes on waiting.
    if (braked?.edit === undefined || braked.since === before?.memory.braked?.since) return undefined;
    const others = [...tables.keys()].filter((id) => id !== routeTableId);
    return edits.mayBeMany(others, time()) ? undefined : `${routeTableId} waits as ${braked.edit}`;
  },

  'the fleet brake holds back edits only': ({ status: { plan }, memory: { doubt } }, look, _, watch) => {
    const facts = watch.facts(look.routeTableId);
    const { shown } = look.read ?? {};
    if (doubt !== undefined || !shown || watch.faults.knows('restored from a backup')) return undefined;
    const braked = waitingIn(plan?.blocked).filter(({ code }) => code === 'fleet-edit');
    const wrong = braked.find(
      ({ destination }) => isSurelyDrift(destination, facts, shown.world) && !mayBeUnseen(destination, facts, watch),
    );
    return wrong && `${wrong.destination} waits as an edit, but others have changed it to ${wrong.target}`;
  },

  'a destination is contested only if others kept undoing its repairs': ({ memory }, look, _, watch) => {
    const { undone, seemsUndone } = watch.facts(look.routeTableId);
    const contested = destinationsWhere(memory, ({ repairs }) => repairs?.contest);
    // If reads show the table by turns as it is and as it was, repairs seem to be undone.
    const timesUndone = (destination: string): number =>
      (undone.get(destination) ?? 0) + (watch.readsMayLagMinutes ? (seemsUndone.get(destination) ?? 0) : 0);
    const wrong = contested.find((destination) => timesUndone(destination) < 5);
    return wrong && `${wrong} is contested, and was changed by others ${timesUndone(wrong)} times`;
  },

  'a call whose effect a read does not show leads to another read within 10 s': (
    { status: { nextRetry, plan }, memory: { doubt } },
    { routeTableId, round, evidenceAt, by, version },
    _,
    watch,
  ) => {
    const [read] = round.reads;
    const { reported, mutations } = watch.facts(routeTableId);
    const table = read?.shown?.world.tables.get(routeTableId);
    // Each call leads to one more read, which may lag as well.
    if (
      watch.readsMayLagMinutes ||
      round.reads.length !== 1 ||
      round.versions.length !== 1 ||
      !read?.shown ||
      !table ||
      !plan ||
      doubt ||
      !version?.spec
    )
      return undefined;
    const { world, asOf } = read.shown;
    const missed = reported.find(
      ({ destination, to, madeAt, keptAt, answeredAt, isReal, id }) =>
        isReal &&
        keptAt < evidenceAt &&
        answeredAt === undefined &&
        madeAt > asOf &&
        read.startedAt - madeAt < 100 * second &&
        !isSo(destination, to, table, world) &&
        !reported.some((other) => other.id !== id && other.destination === destination && other.madeAt >= madeAt) &&
        !mutations.some(
          (one) => one.destination === destination && (one.endedAt ?? one.startedAt) > madeAt - 10 * second,
        ),
    );
    const isSoon = Date.parse(nextRetry ?? '') - by.now().getTime() <= 10 * second;
    return missed && !isSoon
      ? `the read does not show ${missed.destination} → ${missed.to}, and the next is at ${nextRetry}`
      : undefined;
  },

  'InSync does not rest on a stale read': ({ status }, look, _, watch) => {
    const phase = status.inForce?.phase ?? status.phase;
    const { version, read } = look;
    if (phase !== 'InSync' || !read?.shown) return undefined;
    for (const { destination } of version?.spec?.routes ?? []) {
      const known = lastKnown(look.routeTableId, destination, look, watch);
      if (known && isOlderThan(known, read) && !shows(read, known) && staleReadsShow(known, read, watch))
        return `InSync by a read that shows the time before ${tell(known)}`;
    }
    return undefined;
  },

  'an unknown outcome is followed by a read, unless time runs out': ({ status }, look) => {
    const { mutations, read } = look;
    const isLookedIntoNext = ({ startedAt, withinMs, endedAt = 0, by }: Mutation): boolean =>
      endedAt >= startedAt + withinMs &&
      Date.parse(status.nextRetry ?? '') - Math.abs(by.skewMs) <= endedAt + 30 * second;
    const open = mutations.find(
      ({ action, outcome, endedAt = 0 }) =>
        (outcome === 'unknown' || (outcome === 'stale' && action !== 'delete')) && endedAt > (read?.startedAt ?? 0),
    );
    const wasDenied = mutations.some(({ outcome }) => outcome === 'denied');
    if (!open || isLookedIntoNext(open)) return undefined;
    return wasAllowed(look) && !wasDenied ? `no read followed ${tell(open)}` : undefined;
  },

  'a function records its writes in its run': (_, { mutations, runs }) => {
    const lost = mutations.find(
      ({ action, destination, outcome }) =>
        outcome === 'done' &&
        !runs.some((run) => run.outcome.some((told) => told.action === action && told.destination === destination)),
    );
    return lost && `${tell(lost)} is told in no run`;
  },
};

/** Checked when a function ends without an error, for each table of which it had the lease. */
export const atFinish: Invariants<[Look]> = {
  'no trigger is dropped': ({ handed, by, routeTableId }) =>
    handed > 0
      ? `${by.name} was handed ${handed} triggers of ${routeTableId}, did not read the table again, and sent no message`
      : undefined,
};

/** Checked after the first sweep without faults, when everything that it caused is done. */
/** Checked when a function takes the lease of a table: whatever it stores then, it stores under this key. */
export const atKey: Invariants<[string]> = {
  'nothing is stored under a key that is no route table id': (key) =>
    /^rtb-[0-9a-f]{8}$/.test(key) ? undefined : `a function took the lease of ${key}`,
};

/** Checked after a sweep without faults. Some tables and rows stay poisoned. */
export const atSweepEnd: Invariants<[SweepRecord | undefined, readonly string[]]> = {
  'one poisoned table delays no other': (sweep, tables) => {
    if (sweep?.endedAt === undefined) return 'the sweep did not complete';
    const unread = sweep.unknown.first.find(({ routeTableId }) => tables.includes(routeTableId));
    return unread && `the sweep could not read ${unread.routeTableId}: ${unread.reason}`;
  },
};

export const atSweep: Invariants<[TableFacts, World, Facts, number]> = {
  'a route that appeared is deleted within one sweep': (facts, world, watch, sweptAt) => {
    const { routeTableId, state, memory } = facts;
    const { spec } = inForce(facts) ?? {};
    const table = world.tables.get(routeTableId);
    const now = watch.time();
    if (!spec || !table || [sweptAt, now].some((at) => !isEnforced(spec, at))) return undefined;
    if (watch.halts.since(routeTableId, now) !== undefined) return undefined;
    const sight = { at: now, now, spec, table, world, rules: '', isEnforced: true };
    const { failures = [], contested = [] } = state?.status ?? {};
    // Without a time, every sweep retries it.
    const isWithinAnHour = (time: string | undefined): boolean =>
      time === undefined || Date.parse(time) - now <= 3_600 * second;
    // After a denial, nothing in the table is written.
    const isTriedSoon = (destination: string): boolean =>
      contested.some((one) => one.destination === destination && isWithinAnHour(one.until)) ||
      failures.some(
        (one) => (one.destination === destination || one.kind === 'denied') && isWithinAnHour(one.nextRetry),
      );
    const left = table.routes.find(({ destination }) => memory.mustGo(destination, sight) && !isTriedSoon(destination));
    return (
      left &&
      `${routeTableId} ${left.destination} still leads to ${left.target}, and came while the table was watched; status says ${state?.status.phase}: ${state?.status.reason}`
    );
  },
};

/** A sweep without faults: when it began, and the world then and one minute later. */
export interface OneSweep {
  readonly sweptAt: number;
  readonly before: World;
  readonly world: World;
  /** Targets that EC2 rejected when it began, whatever its rules say. */
  readonly rejected: ReadonlySet<string>;
}

/** Checked one minute after a sweep began, without faults. */
export const atOneSweep: Invariants<[TableFacts, OneSweep, Facts]> = {
  'whatever can be repaired is repaired within one sweep': (facts, { before, world, sweptAt, rejected }, watch) => {
    const { routeTableId, state, memory } = facts;
    const { spec, at } = inForce(facts) ?? { at: 0 };
    const [was, is] = [before.tables.get(routeTableId), world.tables.get(routeTableId)];
    const now = watch.time();
    if (!spec || !was || !is || at > sweptAt || [sweptAt, now].some((time) => !isEnforced(spec, time)))
      return undefined;
    // After reads lagged, a table waits for up to 15 minutes.
    if (watch.halts.since(routeTableId, sweptAt) !== undefined || state?.memory.doubt) return undefined;
    const { failures = [], contested = [] } = state?.status ?? {};
    // A rejected change is retried within an hour, and a contested one within 10 minutes.
    const isLater = (destination: string): boolean =>
      contested.some((one) => one.destination === destination && Date.parse(one.until) > sweptAt) ||
      failures.some(
        (one) =>
          one.destination === destination && one.kind === 'rejected' && Date.parse(one.nextRetry ?? '') > sweptAt,
      );
    const isPossible = ({ destination, wanted, found, isOurs }: Deviation): boolean =>
      isOurs &&
      wanted !== undefined &&
      isUsable({ target: wanted }, was, before) &&
      isUsable({ target: wanted }, is, world) &&
      !rejected.has(wanted) &&
      !watch.refuses(routeTableId, wanted) &&
      !isRefusedByRule(routeTableId, destination, wanted, found, before) &&
      !isLater(destination) &&
      // Approved edits go within one sweep as well, but at most 10 tables a second are woken for that.
      !state?.status.plan?.blocked?.replaces?.some((one) => one.destination === destination) &&
      // A working route moves back when its listed target was up for 5 minutes. What drops its traffic does not wait.
      (state?.memory.destinations.get(destination)?.down === undefined ||
        !(found !== undefined && isUsable({ target: found }, was, before)));
    const todo = deviations(spec, was, before, sweptAt, memory).filter(isPossible);
    const left = deviations(spec, is, world, now, memory).find(({ destination, wanted }) =>
      todo.some((one) => one.destination === destination && one.wanted === wanted),
    );
    return (
      left &&
      `${routeTableId} ${left.destination} leads to ${left.found}, not ${left.wanted}; status says ${state?.status.phase}: ${state?.status.reason}`
    );
  },
};

/** Checked after one more sweep at rest. */
export const atQuiet: Invariants<[TableFacts, number, Facts]> = {
  'all is quiet in the end': ({ mutations, routeTableId }, restedAt, watch) => {
    // What EC2 refuses is tried again and again.
    const loud = mutations.find(
      ({ startedAt, to, outcome }) =>
        startedAt >= restedAt && outcome !== 'refused' && !(to !== undefined && watch.refuses(routeTableId, to)),
    );
    return loud && `one more sweep changed routes: ${tell(loud)}`;
  },
};

/** A target that an item lists before it is up. */
export interface Late {
  readonly routeTableId: string;
  readonly destination: string;
  readonly target: string;
}

/** Checked some time after such a target came up. */
export const atComingUp: Invariants<[TableFacts, Late, World, string]> = {
  'a target that comes up late is used soon': (
    { versions, state },
    { routeTableId, destination, target },
    world,
    due,
  ) => {
    const table = world.tables.get(routeTableId);
    const route = versions.at(-1)?.spec?.routes.find((one) => one.destination === destination);
    if (!table || route?.target !== target || slotAt(table, destination)?.target === target) return undefined;
    const { phase, reason, failures } = state?.status ?? {};
    return `${routeTableId} ${destination} does not lead to ${target} ${due}; status says ${phase}: ${reason}, ${failures?.[0]?.attempts} tries, next ${failures?.[0]?.nextRetry}`;
  },
};

/** Checked after a sweep that follows the death of a target, without faults. */
export const atDeath: Invariants<[TableFacts, World, Facts]> = {
  'a blackhole whose alternate is alive is moved within a sweep': (facts, world, watch) => {
    const { routeTableId, state } = facts;
    const { spec } = inForce(facts) ?? {};
    const table = world.tables.get(routeTableId);
    const now = watch.time();
    if (!spec || !table || !isEnforced(spec, now)) return undefined;
    if (watch.halts.since(routeTableId, now) !== undefined) return undefined;
    const left = spec.routes.find((route) => {
      const slot = slotAt(table, route.destination);
      if (!slot || !allowedIn(slot, route, world) || isUsable(slot, table, world)) return false;
      const overrideLocal = route.overrideLocal ?? route.target === 'local';
      const mayMove = mayReplace(slot, { overrideLocal }, { spec, table, world, now, known: everythingKnown });
      const isRefused = state?.status.failures.some(({ destination }) => destination === route.destination);
      if (!mayMove || isRefused || isLeftForNow(spec, route, now)) return false;
      return allowedFor(route).some((target) => isUsable({ target }, table, world));
    });
    return (
      left &&
      `${routeTableId} ${left.destination} drops its traffic, and one of ${allowedFor(left).join(', ')} is alive; status says ${state?.status.phase}: ${state?.status.reason}`
    );
  },
};

/** Checked after a sweep that follows the return of a target, without faults. */
export const atReturn: Invariants<[TableFacts, World, World]> = {
  'a route stays on its alternate when its target is up again': ({ routeTableId, versions }, before, world) => {
    const [was, is] = [before.tables.get(routeTableId), world.tables.get(routeTableId)];
    if (!was || !is) return undefined;
    const moved = versions.at(-1)?.spec?.routes.find((route) => {
      const slot = slotAt(was, route.destination);
      const worked = slot && allowedIn(slot, route, before) && isUsable(slot, was, before);
      return worked && slotAt(is, route.destination)?.target !== slot.target;
    });
    return moved && `${routeTableId} ${moved.destination} was moved, although it worked`;
  },
};

/** Checked a minute after a crash that EC2 reported, without a sweep and without faults. */
export const atCrash: Invariants<[TableFacts, readonly string[], number]> = {
  'a table is read within a minute after the instance behind its route has crashed': (facts, affected, at) =>
    affected.includes(facts.routeTableId) && facts.lastReadAt < at
      ? `${facts.routeTableId} has a route to ${itsInterface}, and nobody has read it since`
      : undefined,
};

/** Checked at rest, after the last fault. */
export const atRest: Invariants<[TableFacts, World, Facts]> = {
  'events find a table by every id that it has': (facts, world, { isIndexed }) => {
    const { routeTableId, state } = facts;
    const { spec } = inForce(facts) ?? {};
    const table = world.tables.get(routeTableId);
    if (!spec || !table || !state) return undefined;
    const made = table.routes.filter(({ origin }) => origin === 'CreateRoute');
    const ids = [...spec.routes.flatMap(allowedFor), ...made.flatMap((slot) => names(slot, world))];
    const missing = ids.find((id) => /^[a-z]+-[0-9a-f]+$/.test(id) && !isIndexed(id, routeTableId));
    return missing && `the index does not list ${routeTableId} under ${missing}; status says ${state.status.phase}`;
  },

  'the last desired version wins': (facts, world, watch) => {
    const version = facts.versions.at(-1);
    const table = world.tables.get(facts.routeTableId);
    const now = watch.time();
    if (!version?.spec || !table || !isEnforced(version.spec, now)) return undefined;
    if (watch.halts.since(facts.routeTableId, now) !== undefined) return undefined;
    const wrong = unmended(version.spec, table, facts, world, watch);
    return (
      wrong &&
      `${facts.routeTableId} ${wrong.destination} leads to ${wrong.found}, not ${wrong.wanted}; status says ${facts.state?.status.phase}: ${facts.state?.status.reason}`
    );
  },

  'while an item is invalid, its last valid version is enforced': (facts, world, watch) => {
    const { routeTableId, versions, reconciled, state } = facts;
    const version = versions.at(-1);
    const table = world.tables.get(routeTableId);
    if (!version?.item || version.spec || !table || !reconciled?.spec) return undefined;
    const now = watch.time();
    if (watch.halts.since(routeTableId, now) !== undefined) return undefined;
    // The deletion of the item ends that.
    if (versions.slice(reconciled.index).some(({ item }) => item === undefined)) return undefined;
    // If a function stored a version and died, no status names it.
    if (facts.kept && !facts.isKeptKnown) return undefined;
    // A later valid version may be in force instead: a function may have read it and died, or read the next one.
    const inForce = versions.slice(reconciled.index).flatMap(({ spec }) => spec ?? []);
    const wrong = inForce.map((spec) =>
      isEnforced(spec, now) ? unmended(spec, table, facts, world, watch) : undefined,
    );
    const [first] = wrong;
    if (!state?.status.inForce) return `${routeTableId}: no version is in force, and ${reconciled.index} was valid`;
    return first && wrong.every((one) => one !== undefined)
      ? `${routeTableId} ${first.destination} leads to ${first.found}, not ${first.wanted} as version ${reconciled.index} asks`
      : undefined;
  },

  'the status is true': (facts, world, watch) => {
    const { routeTableId, state } = facts;
    const status = state?.status;
    const version = facts.versions.at(-1);
    const table = world.tables.get(routeTableId);
    const now = watch.time();
    const phase = status?.phase;
    const told = `${routeTableId} is ${phase} (${status?.reason})`;
    // No sweep finds a table that no item and no index names.
    if (!version?.item && !state?.memory.indexed) return undefined;
    if (!version?.item)
      return phase === undefined || phase === 'Unmanaged' ? undefined : `${told}, but there is no item`;
    const { spec } = version;
    if (!spec) return phase === 'Invalid' ? undefined : `${told}, but the item is invalid`;
    if (!table) return phase === 'Missing' ? undefined : `${told}, but the table is gone`;
    const wrong = deviations(spec, table, world, now);
    // Only the state knows whether a local route must be restored, or whether it is or was ours.
    const isLocal = ({ destination, wanted }: Deviation): boolean => wanted === 'local' && !wantedAt(spec, destination);
    if (wrong.some(isLocal) && wrong.every(isLocal)) return undefined;
    const enforced = isEnforced(spec, now) && watch.halts.since(routeTableId, now) === undefined;
    // Only the state knows which of the unlisted routes are ours to delete, if there are any.
    const isUnlisted = (slot: StoredRoute): boolean =>
      !wantedAt(spec, slot.destination) && mayDelete(slot, { spec, table, world, now });
    if (wrong.length === 0 && spec.unlisted === 'keep' && phase !== 'Verifying' && table.routes.some(isUnlisted))
      return undefined;
    const isDropping = spec.routes.some(({ destination }) => {
      const slot = slotAt(table, destination);
      return slot && !isUsable(slot, table, world);
    });
    if (wrong.length === 0 && isDropping)
      return phase === 'Degraded' ? undefined : `${told}, but a listed route drops its traffic`;
    if (wrong.length === 0) return phase === 'InSync' ? undefined : `${told}, but every route is as desired`;
    if (!enforced) return phase === 'Drifted' ? undefined : `${told}, but there is drift that is only watched`;
    const isDown = wrong.some(({ wanted }) => wanted !== undefined && !isUsable({ target: wanted }, table, world));
    return phase === 'Failed' || phase === 'Blocked' || (phase === 'Degraded' && isDown)
      ? undefined
      : `${told}, but ${wrong[0]?.destination} is not as desired`;
  },

  'every write is in a run': ({ mutations, runs }) => {
    const lost = mutations.find(
      ({ action, destination, to, changed }) =>
        changed === true &&
        ![...runs.values()].some(({ run: { plan, outcome } }) =>
          [...plan.changes, ...outcome].some(
            (told) => told.action === action && told.destination === destination && told.to === to,
          ),
        ),
    );
    return lost && `${tell(lost)} is in no run`;
  },
};

/** The version in force: the last one. While that is invalid, the last valid one, if no other can be in force. */
function inForce({ versions, reconciled, state, kept, isKeptKnown }: TableFacts): Version | undefined {
  const last = versions.at(-1);
  if (!last?.item || last.spec) return last;
  // If a function stored a version and died, no status names it.
  if (!state?.status.inForce || !reconciled || (kept && !isKeptKnown)) return undefined;
  const since = versions.slice(reconciled.index + 1);
  return since.some(({ item, spec }) => item === undefined || spec) ? undefined : { ...reconciled, at: last.at };
}

/** Destinations that are not as desired, although we may repair them and nothing excuses it. */
const unmended = (spec: Spec, table: Table, facts: TableFacts, world: World, watch: Facts): Deviation | undefined =>
  deviations(spec, table, world, watch.time(), facts.memory).find(
    (deviation) => deviation.isOurs && !isExcused(deviation, facts, world, watch),
  );

/** Whether the fleet brake holds back the replace of a route, and nobody has approved that edit. */
function isBraked(destination: string, { state }: TableFacts, watch: Facts): boolean {
  const { replaces = [] } = state?.status.plan?.blocked ?? {};
  const braked = state?.memory.braked;
  return (
    replaces.some((one) => one.destination === destination) && !(braked && watch.edits.isReleased(braked, watch.time()))
  );
}

/** Whether a remaining deviation is excused: EC2 rejects the repair, or it waits for a person, and the status says so. */
function isExcused({ destination, wanted, found }: Deviation, facts: TableFacts, world: World, watch: Facts): boolean {
  const { state, routeTableId } = facts;
  const status = state?.status;
  const table = world.tables.get(routeTableId);
  const isDead = wanted !== undefined && table !== undefined && !isUsable({ target: wanted }, table, world);
  const isKept = status?.plan?.findings.some(
    (finding) => finding.code === 'target-down' && finding.destination === destination,
  );
  if (isKept && isDead) return true;
  if (isBraked(destination, facts, watch)) return true;
  // The failure of a rejected create also explains the deletes that wait for it.
  const waits = status?.plan?.waiting?.some((one) => one.destination === destination) === true;
  if (wanted === undefined)
    return waits || status?.plan?.blocked?.deletes.some((one) => one.destination === destination) === true;
  const phase = status?.inForce?.phase ?? status?.phase;
  const isNamed =
    phase === 'Failed' && status?.failures.some((failure) => failure.destination === destination) === true;
  return (
    isNamed &&
    (isDead || watch.refuses(routeTableId, wanted) || isRefusedByRule(routeTableId, destination, wanted, found, world))
  );
}

function isRefusedByRule(
  routeTableId: string,
  destination: string,
  target: string,
  found: string | undefined,
  world: World,
): boolean {
  try {
    const input = callOf(routeTableId, destination, target);
    if (found === undefined) createRoute(world, input, { routesPerFamily: 500 });
    else replaceRoute(world, input);
    return false;
  } catch {
    return true;
  }
}

/** Whether a person approved exactly this delete, under an equal item, and it was not made since. */
function isApproved({ destination, from, version, startedAt, by }: Mutation, { approvals }: TableFacts): boolean {
  const key = `${destination} ${from}`;
  const asked = askedBy(version.spec);
  return approvals.some(
    (approval) =>
      approval.asked.has(asked) &&
      approval.deletes.has(key) &&
      !approval.spent.has(key) &&
      startedAt - approval.at < 24 * 3_600 * second &&
      // A plan may be 10 s old when it is applied, and follows the function's own clock.
      startedAt < approval.until + 10 * second + Math.abs(by.skewMs),
  );
}

/** The last checkpoint let the function go on. */
export const wasAllowed = ({ checkpoint, version, orders, by }: Look): boolean =>
  checkpoint?.holder === by.requestId &&
  isDeepStrictEqual(checkpoint.version?.item, version?.item) &&
  isDeepStrictEqual(checkpoint.orders, orders);

/** The last write at a destination that this function knows: its own, or one that a status names. */
const lastKnown = (routeTableId: string, destination: string, look: Look, watch: Facts): Mutation | undefined =>
  look.mutations.findLast(
    ({ destination: at, outcome, changed }) =>
      at === destination && (outcome === 'done' || (outcome === 'unknown' && changed)),
  ) ?? watch.facts(routeTableId).known.get(destination);

/**
 * Whether a read shows the time before an effective write. A call that its caller gave up may reach EC2 after the read:
 * nobody can know that.
 */
function isOlderThan({ changed, landedAt = 0, outcome }: Mutation, { shown, startedAt }: Read): boolean {
  const isLate = outcome === 'unknown' && landedAt > startedAt;
  return changed === true && !isLate && landedAt > (shown?.asOf ?? 0);
}

/** Whether a read shows the result of a write. */
function shows({ shown }: Read, { routeTableId, destination, to }: Mutation): boolean {
  const table = shown?.world.tables.get(routeTableId);
  return shown && table ? isSo(destination, to, table, shown.world) : to === undefined;
}

/** Whether a destination leads to a target; without a target, whether nothing static is there. */
export function isSo(destination: string, to: string | undefined, table: Table, world: World): boolean {
  const slot = slotAt(table, destination);
  return slot ? to !== undefined && names(slot, world).includes(to) : to === undefined;
}

/**
 * Whether nothing allows a function to believe a read that contradicts this write. Only a later call that the read shows
 * does: that a call was reported proves nothing of the read.
 */
function staleReadsShow(known: Mutation, { shown }: Read, watch: Facts): boolean {
  const table = shown?.world.tables.get(known.routeTableId);
  const isConfirmed = watch
    .facts(known.routeTableId)
    .reported.some(
      ({ destination, to, madeAt }) =>
        madeAt >= Math.floor(known.startedAt / second) * second &&
        shown &&
        table &&
        isSo(destination, to, table, shown.world),
    );
  return watch.readsAreNearlyFresh && !isConfirmed;
}
