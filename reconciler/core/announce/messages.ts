import { everyTable } from '../desired/orders.ts';
import { counted } from '../route/counted.ts';
import type { DomainEvent, Message } from './domain-event.ts';

type DetailOf<T extends DomainEvent['type']> = Extract<DomainEvent, { readonly type: T }>['detail'];
type Change = DomainEvent['detail']['changes'][number];
/** Who is named in an event, if anybody. */
type Named = Change['actor'];

/** A message names this many routes of one kind. The event and the history have all of them. */
const namedAtMost = 10;

/** A message quotes at most this many characters of a text that somebody else wrote. */
const quotedAtMost = 300;

/**
 * The message for an event that people must see even while an alarm is raised: what others changed, and what needs a
 * person. Undefined for all others, recoveries among them, except that listed targets are up again: traffic moves then.
 */
export function messageOf(event: DomainEvent): Message | undefined {
  const message = written(event);
  if (!message) return undefined;
  const { subject, what, who, next } = message;
  return { subject: line(subject), what: line(what), who: line(who), next: line(next) };
}

function written(event: DomainEvent): Message | undefined {
  const { routeTableId: id } = event.detail;
  switch (event.type) {
    case 'Route Drift Detected':
      return driftFound(event.detail);
    case 'Route Drift Healed':
      return undefined;
    case 'Route Reconcile Failed':
      if (event.detail.code === 'target-down') return targetDown(event.detail);
      return event.detail.state === 'left' ? undefined : failed(event.detail);
    case 'Route Plan Blocked':
      if (event.detail.tables) return editWaits(event.detail);
      // One edit of many tables is one message.
      return event.detail.state === 'left' || event.detail.code === 'fleet-edit' ? undefined : blocked(event.detail);
    case 'Route Table Contested':
      return event.detail.state === 'left' ? undefined : contested(event.detail);
    case 'Route Table Changed':
      return {
        subject: `${id}: somebody changed what surrounds this table`,
        what: quoted(event.detail.notice),
        who: nameOf(event.detail.actor),
        next: `Nothing repairs this. Check that it was intended: ${see(id)}`,
      };
    case 'Route Left Alone':
      return event.detail.routes.some(({ takesTraffic }) => takesTraffic) ? leftAlone(event.detail) : undefined;
    case 'Route Blackholed':
      return event.detail.state === 'left' ? undefined : blackholed(event.detail);
    case 'Route Policy Changed':
      return policyChanged(event.detail);
    case 'Route Order Given':
      return orderGiven(event.detail);
    default:
      return event satisfies never;
  }
}

function driftFound({ routeTableId: id, enforced, changes, omitted = 0, reason }: DetailOf<'Route Drift Detected'>) {
  const length = changes.length + omitted;
  const count = counted(length, 'route');
  const [differ, them] = length === 1 ? ['differs', 'it'] : ['differ', 'them'];
  return {
    subject: enforced
      ? `${id}: others changed ${count}`
      : `${id}: ${count} ${differ} from the item, and nothing repairs ${them} (${reason})`,
    what: named(changes.map(differenceText), omitted),
    who:
      enforced || changes.some(({ actor }) => actor !== 'unattributed')
        ? among(changes.map(({ actor }) => actor))
        : 'unattributed: no event named a caller, or the table differed before it was first read',
    next: enforced
      ? `Changes that need no approval are repaired. See what was done: ${see(id)}. If the change was right, add it to the item`
      : `See the table: ${see(id)}`,
  };
}

/** What somebody did, seen from the change that repairs it. */
function differenceText({ action, destination, from = '?', to = '?' }: Change): string {
  switch (action) {
    case 'create':
      return `${destination} is missing (listed with ${to})`;
    case 'replace':
      return `${destination} leads to ${from} (listed with ${to})`;
    case 'delete':
      return `${destination} leads to ${from} and is not listed`;
    default:
      return action satisfies never;
  }
}

function failed({ routeTableId: id, phase, reason, failures, changes }: DetailOf<'Route Reconcile Failed'>): Message {
  const each = failures.map(
    ({ action, destination, to, code, message, remedy }) =>
      `${action} ${destination}${to === undefined ? '' : ` to ${to}`}: ${remedy ?? message ?? code ?? 'no answer'}`,
  );
  return {
    subject:
      phase === 'Invalid'
        ? `${id}: its desired item is invalid`
        : phase === 'Missing'
          ? `${id}: this account has no such table`
          : `${id}: not every route can become as desired`,
    what: each.length > 0 ? named(each) : quoted(reason),
    who: changes.some(({ actor }) => actor) ? behind(changes) : 'nobody else is known to have changed these routes',
    next: `See the reasons: ${see(id)}. Runbook: docs/runbook.md#${phase === 'Invalid' ? 'invalid-desired' : 'changes-failed'}`,
  };
}

function targetDown({ routeTableId: id, state, reason, failures }: DetailOf<'Route Reconcile Failed'>): Message {
  if (state === 'left')
    return {
      subject: `${id}: no route waits for a target that is down any more`,
      what: `The listed targets are up, or the item lists others. The table is now: ${quoted(reason)}`,
      who: 'nobody is known to have caused this',
      next: `See what was done: ${see(id)}`,
    };
  return {
    subject: `${id}: ${counted(failures.length, 'route')} ${failures.length === 1 ? 'works' : 'work'} on another target because the listed one is down`,
    what: named(failures.map(({ destination, message = `${destination}: its listed target is down` }) => message)),
    who: 'whoever took the target down and moved the route: named above, as far as events report it',
    next: `Restore the target or, if it was deleted, list the one that works. Runbook: docs/runbook.md#a-table-is-degraded`,
  };
}

function blocked({ routeTableId: id, reason, deletes, changes }: DetailOf<'Route Plan Blocked'>): Message {
  const waiting = new Set(deletes);
  return {
    subject: `${id}: ${counted(deletes.length, 'delete')} ${deletes.length === 1 ? 'waits' : 'wait'} for a person`,
    what: `${named(deletes)}: ${quoted(reason)}`,
    who: behind(changes.filter(({ destination }) => waiting.has(destination))),
    next: `Approve the deletes: npx routectl approve ${id}. Or add the routes to the item. Runbook: docs/runbook.md#plans-blocked`,
  };
}

function editWaits({ edit, reason, tables = { count: 0, first: [] } }: DetailOf<'Route Plan Blocked'>): Message {
  return {
    subject: `${counted(tables.count, 'table')} ${tables.count === 1 ? 'waits' : 'wait'} for approval of an edit (${edit})`,
    what: `${quoted(reason)}, because edits have changed as many other tables in 10 minutes as they may: ${named(tables.first, tables.count - tables.first.length)}. Repairs and creates go on`,
    who: 'Somebody who may write the desired items',
    next: `If it was a mistake, write the items as they were before. If it was intended, release all of it: npx routectl approve ${edit}. Runbook: docs/runbook.md#an-edit-of-many-tables-waits`,
  };
}

function contested({ routeTableId: id, contests }: DetailOf<'Route Table Contested'>): Message {
  return {
    subject: `${id}: somebody keeps undoing a repair`,
    what: named(contests.map(({ destination, heals }) => `${destination} was repaired ${counted(heals, 'time')}`)),
    who: among(contests.flatMap(({ by }) => (by.length > 0 ? by : [undefined]))),
    next: `Repairs back off. Stop the other party, or change the item. Runbook: docs/runbook.md#contested`,
  };
}

function leftAlone({ routeTableId: id, routes, moreRoutes = 0 }: DetailOf<'Route Left Alone'>): Message {
  const isAllowed = moreRoutes === 0 && routes.every(({ reason }) => reason === 'on-alternate');
  const before = (was: string | undefined, target: string): string =>
    was === undefined ? 'new' : was === target ? 'active again, or of another owner' : `before: ${was}`;
  return {
    subject: `${id}: others changed ${counted(routes.length + moreRoutes, 'route')} that the plan leaves alone`,
    what: named(
      routes.map(
        ({ destination, target, was, reason }) =>
          `${destination} leads to ${target} (${before(was, target)}; ${reason})`,
      ),
      moreRoutes,
    ),
    who: among(routes.map(({ actor }) => actor)),
    next: `${isAllowed ? 'The item allows these targets, so the routes stay' : 'Nothing repairs this'}. Check that it was intended: ${see(id)}. Runbook: docs/runbook.md#${isAllowed ? 'on-an-alternate' : 'left-alone'}`,
  };
}

function blackholed({ routeTableId: id, routes, state }: DetailOf<'Route Blackholed'>): Message {
  const count = counted(routes.length, 'route');
  if (state === 'moved')
    return {
      subject: `${id}: ${count} ${routes.length === 1 ? 'was moved away from a dead target' : 'were moved away from dead targets'}`,
      what: named(
        routes.map(
          ({ destination, target = '?', movedTo = '?' }) => `${destination} was moved from ${target} to ${movedTo}`,
        ),
      ),
      who: `Route Reconciler moved the routes. Who took the targets down: ${among(routes.map(({ actor }) => actor))}`,
      next: `The routes stay where they are, also when the target is up again. Runbook: docs/runbook.md#on-an-alternate`,
    };
  return {
    subject: `${id}: ${count} ${routes.length === 1 ? 'drops its' : 'drop their'} traffic`,
    what: named(routes.map(({ destination, target = 'a target that is gone' }) => `${destination} leads to ${target}`)),
    who: among(routes.map(({ actor }) => actor)),
    next: `Restore the target or, if it was deleted, list another one. Runbook: docs/runbook.md#blackholes`,
  };
}

function policyChanged({ routeTableId: id, weakened }: DetailOf<'Route Policy Changed'>): Message {
  const list = (values: readonly string[]): string => (values.length > 0 ? named(values) : 'nothing');
  const isDeleted = weakened.some(({ field }) => field === 'item');
  return {
    subject: isDeleted ? `${id}: its item was deleted` : `${id}: an edit of the item weakens its protection`,
    what: isDeleted
      ? 'The table is not managed any more. Its routes stay as they are'
      : weakened.map(({ field, old, new: now }) => `${field}: ${list(old)} → ${list(now)}`).join('; '),
    who: 'Somebody who may write the desired items',
    next: isDeleted
      ? 'If that was not intended, write the item again'
      : `If that was not intended, correct the item. See the table: ${see(id)}`,
  };
}

function orderGiven({ routeTableId: id, state, order }: DetailOf<'Route Order Given'>): Message {
  const { kind, destination, reason, by, until, routes = [], moreRoutes = 0, edits = [] } = order;
  const isOfAll = id === everyTable;
  const about = isOfAll ? 'all tables' : id;
  const which = kind === 'hold' ? `hold of ${destination}` : kind;
  const resume = `To end it: npx routectl resume ${isOfAll ? '--all' : id}`;
  const next = {
    pause: resume,
    stop: resume,
    hold: `To end it: npx routectl hold ${id} ${destination} --end`,
    approval: `To stop the changes: npx routectl pause ${isOfAll ? '--all' : id} --reason 'not intended'. See what was done: ${see(id)}`,
  } as const;
  return {
    subject: state === 'entered' ? `${about}: ${which} ordered` : `${about}: ${which} ended`,
    what: [
      ...(reason === undefined ? [] : [quoted(reason)]),
      ...(edits.length > 0 ? [`all that waits for ${named(edits)}`] : []),
      ...(routes.length > 0
        ? [
            named(
              routes.map(({ destination: one, target }) => `${one} (${target})`),
              moreRoutes,
            ),
          ]
        : []),
      until === undefined ? 'no end' : `until ${until}`,
    ].join('; '),
    who: by === undefined ? 'The order names nobody' : `${quoted(by)} (a claim: the order itself says so)`,
    next: state === 'entered' ? next[kind] : `Repairs follow the item again. See the history: ${see(id)}`,
  };
}

// ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The command that shows a table, or the fleet, with its history. */
const see = (id: string): string =>
  id === everyTable ? 'npx routectl report --html report.html' : `npx routectl report ${id} --html ${id}.html`;

/** The first of a list, and how many more there are. */
function named(list: readonly string[], more = 0): string {
  const left = Math.max(0, list.length - namedAtMost) + more;
  return list.slice(0, namedAtMost).join('; ') + (left > 0 ? `; and ${left} more` : '');
}

/** Who caused the changes among these that are drift. */
const behind = (changes: readonly Change[]): string => among(changes.flatMap(({ actor }) => actor ?? []));

function among(actors: readonly Named[]): string {
  const names = new Set(actors.map((actor) => nameOf(actor)));
  return named(names.size > 0 ? [...names] : [nameOf(undefined)]);
}

function nameOf(actor: Named): string {
  if (!actor || actor === 'unattributed') return 'unattributed: no event named the caller';
  const { arn, sourceIp, invokedBy } = actor;
  return [
    quoted(arn),
    ...(sourceIp === undefined ? [] : [`from ${quoted(sourceIp)}`]),
    ...(invokedBy === undefined ? [] : [`through ${quoted(invokedBy)}`]),
  ].join(' ');
}

const quoted = (text: string): string => (text.length > quotedAtMost ? `${text.slice(0, quotedAtMost)}…` : text);

/** One line: text from outside can add no lines, and no characters that mean something to an input transformer. */
const line = (text: string): string =>
  text
    .replaceAll('"', "'")
    .replaceAll('<', '‹')
    .replaceAll('>', '›')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\]/gu, '\uFFFD');
