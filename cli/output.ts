import { type ChangeJson, changeAsJson } from '../reconciler/core/route/change.ts';
import { describeChange } from '../reconciler/core/route/change.ts';
import type { DesiredTable } from '../reconciler/core/desired/desired.ts';
import type { Finding } from '../reconciler/core/desired/finding.ts';
import { isDone } from '../reconciler/core/route/outcome.ts';
import { waitingIn } from '../reconciler/core/plan/guard.ts';
import { type Plan, planAsJson } from '../reconciler/core/plan/plan.ts';
import { isEnforced } from '../reconciler/core/desired/enforcement.ts';
import { destinationText, targetText } from '../reconciler/core/route/route.ts';
import type { RefusedInput } from './desired-input.ts';
import { placeText } from './files.ts';
import type { Impact } from '../reconciler/core/route/impact.ts';
import { impactJson, impactRows } from './impact.ts';
import { counted } from '../reconciler/core/route/counted.ts';
import { type Format, type Look, columns, sections, tally } from './layout.ts';
import { printable } from './printable.ts';
import type { Planned } from './planned.ts';
import type { Reconciled } from './reconcile-table.ts';

// ── a plan ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const actionLook = {
  replace: { mark: '~', format: 'yellow' },
  delete: { mark: '-', format: 'red' },
  create: { mark: '+', format: 'green' },
} as const satisfies Record<ChangeJson['action'], { mark: string; format: Format }>;

/** What a plan is shown with. */
export interface PlanTextOptions {
  /** What the plan means for traffic, if anybody asked. */
  readonly impact?: Impact | undefined;
  /** How a person lets the deletes go that wait. */
  readonly consent?: string;
}

/** A plan for people: a headline, then every change, its impact, and every finding and exception. */
export function planText(planned: Planned, look: Look, { impact, consent }: PlanTextOptions = {}): string {
  const { plan } = planned;
  const held = heldIn(plan);
  return sections(
    [headline(planned, look)],
    columns(plan.changes.map((change) => changeRow(changeAsJson(change), held, look))),
    impact && plan.changes.length > 0 ? columns(impactRows(impact, look), look.width) : [],
    columns([...blockedRows(plan, consent, look), ...findingRows(plan.findings, look)], look.width),
    plan.inSync ? [] : columns(leftAloneRows(plan, look), look.width),
  );
}

/** Why changes of a plan do not happen now, by destination. */
export const heldIn = ({ waiting = [], blocked }: Plan): ReadonlyMap<string, string> =>
  new Map([
    ...waiting.map(({ destination, creates }) => [destination, `after ${creates.join(', ')}`] as const),
    ...waitingIn(blocked).map(({ destination }) => [destination, 'held back'] as const),
  ]);

const stateLook = {
  'in sync': { mark: '✓', format: 'green' },
  'out of sync': { mark: '●', format: 'yellow' },
  blocked: { mark: '■', format: 'magenta' },
  missing: { mark: '✗', format: 'red' },
} as const satisfies Record<string, { mark: string; format: Format }>;

/** The state that a plan shows, in one or two words. */
export function stateOf({ plan, actual }: Planned): keyof typeof stateLook {
  if (!actual) return 'missing';
  if (plan.blocked) return 'blocked';
  return plan.inSync ? 'in sync' : 'out of sync';
}

/** A plan in a few counts. */
export function factsOf({ desired, plan, actual, now }: Planned): string {
  if (!actual) return '';
  const { changes, unchanged, blocked, leftAlone } = plan;
  const facts = [
    ...(changes.length > 0 ? [counted(changes.length, 'change')] : []),
    ...(blocked ? [`${waitingIn(blocked).length} held back`] : []),
    `${unchanged} as desired`,
    `${leftAlone.length} left alone`,
    ...(isEnforced(desired, now) ? [] : [desired.mode === 'observe' ? 'only observed' : 'paused']),
  ];
  return `: ${facts.join(', ')}`;
}

function headline(planned: Planned, { paint }: Look): string {
  const { plan, actual } = planned;
  const state = stateOf(planned);
  const { mark, format } = stateLook[state];
  const title = [
    paint('bold', plan.routeTableId),
    ...(actual?.vpcId ? [paint('dim', printable(actual.vpcId))] : []),
  ].join('  ');
  return `${paint(format, mark)} ${title}  ${paint(format, state)}${factsOf(planned)}`;
}

function changeRow(
  { action, destination, from, to, because }: ChangeJson,
  held: ReadonlyMap<string, string>,
  { paint }: Look,
): string[] {
  const { mark, format } = actionLook[action];
  const way = [from, to].filter((end) => end !== undefined).join(` ${paint('dim', '→')} `);
  const why = action === 'delete' ? held.get(destination) : because && 'its target is down';
  const waits = why === undefined ? '' : paint('magenta', why);
  return [paint(format, `${mark} ${action}`), destination, way, waits];
}

/** A table can contain hundreds of propagated routes, so only the first few of each kind are shown. */
const shownOfEachReason = 3;

function leftAloneRows({ leftAlone }: Plan, { paint }: Look): string[][] {
  return [...Map.groupBy(leftAlone, ({ reason }) => reason)].map(([reason, members], index) => {
    const shown = members.slice(0, shownOfEachReason).map(({ route }) => {
      const destination = printable(destinationText(route.destination));
      return reason === 'local' ? destination : `${destination} → ${printable(targetText(route.target))}`;
    });
    const more = members.length - shown.length;
    const title = index === 0 ? paint('dim', 'left alone') : '';
    return [title, reason, [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ')];
  });
}

const findingRows = (findings: readonly Finding[], { paint }: Look): string[][] =>
  findings.map(({ code, message }) => [paint('yellow', '!'), `${printable(message)} ${paint('dim', `[${code}]`)}`]);

function blockedRows({ blocked, planId }: Plan, consent: string | undefined, { paint }: Look): string[][] {
  if (!blocked) return [];
  const way = consent ?? `for routectl reconcile, that is --approve ${planId}, or a higher maxDeletes`;
  return [[paint('magenta', '■'), `${blocked.message}; ${way} ${paint('dim', `[${blocked.code}]`)}`]];
}

// ── a rejected item ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Every problem of an item, with its place in the file. */
export function refusedText({ routeTableId, problems }: RefusedInput, look: Look): string {
  const { paint } = look;
  const id = paint('bold', printable(routeTableId ?? 'a table without an id'));
  const title = `${paint('red', '✗')} ${id}  ${paint('red', 'invalid')}: ${counted(problems.length, 'problem')}`;
  const rows = problems.map(({ path, found, message, ...place }) => [
    paint('cyan', printable(placeText(place))),
    printable(path),
    `${printable(message)}; found ${printable(found)}`,
  ]);
  return sections([title], columns(rows, look.width));
}

/** A valid item and its findings. */
export function validText({ routeTableId, routes, findings }: DesiredTable, look: Look): string {
  const { paint } = look;
  const title = `${paint('green', '✓')} ${paint('bold', routeTableId)}  ${paint('green', 'valid')}: ${counted(routes.length, 'route')}`;
  return sections([title], columns(findingRows(findings, look), look.width));
}

// ── the result ──────────────────────────────────────────────────────────────────────────────────────────────────────

const pastTense = { replace: 'replaced', delete: 'deleted', create: 'created' } as const;

/** The result of a table's changes: the number of changes made, then each change that was not made. */
export function reconciledText({ desired, outcome, verified, failure }: Reconciled, { paint, width }: Look): string {
  const done = outcome.filter(isDone);
  const others = outcome.filter((each) => !done.includes(each));
  const well = verified && failure === undefined && others.length === 0;
  const facts = [
    ...(outcome.length > 0
      ? [tally([...done.map(({ action }) => pastTense[action]), ...others.map(({ result }) => result)])]
      : []),
    verified ? 'verified' : 'not verified',
    ...(failure === undefined ? [] : [printable(failure)]),
  ];
  const title = `${well ? paint('green', '✓') : paint('red', '✗')} ${paint('bold', desired.routeTableId)}`;
  const rows = others.map(({ code, message, remedy, result, ...change }) => {
    const answer = [code, message].filter((part) => part !== undefined).join(': ');
    const why = [answer, remedy].filter((part) => part !== undefined && part !== '').join('; ');
    return [paint('red', result), describeChange(change), printable(why)];
  });
  return sections([`${title}  ${facts.join('; ')}`], columns(rows, width));
}

/** The number of tables, their states and the planned changes: `3 tables: 2 in sync, 1 blocked; 2 delete`. */
export const summaryText = (states: readonly string[], changes: readonly ChangeJson['action'][] = []): string =>
  `${counted(states.length, 'table')}: ${tally(states)}${changes.length > 0 ? `; ${tally(changes)}` : ''}`;

/** The summary of plans and of rejected items. */
export const plansSummary = (results: readonly (Planned | RefusedInput)[]): string =>
  summaryText(
    results.map((result) => ('plan' in result ? stateOf(result) : 'invalid')),
    results.flatMap((result) => ('plan' in result ? result.plan.changes.map(({ action }) => action) : [])),
  );

// ── output for programs ─────────────────────────────────────────────────────────────────────────────────────────────

export const planJson = ({ plan }: Planned, impact?: Impact): string =>
  JSON.stringify({ ...planAsJson(plan), ...(impact && { impact: impactJson(impact) }) });

export const reconciledJson = ({ plan, outcome, verified, failure }: Reconciled): string =>
  JSON.stringify({ ...planAsJson(plan), outcome, verified, ...(failure && { failure }) });

export const refusedJson = ({ routeTableId, problems }: RefusedInput): string =>
  JSON.stringify({ routeTableId: routeTableId ?? null, invalid: problems });

export const validJson = ({ routeTableId, findings }: DesiredTable): string =>
  JSON.stringify({ routeTableId, valid: true, findings });
