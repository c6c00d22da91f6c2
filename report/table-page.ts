import { shownPhase } from '../reconciler/core/freshness.ts';
import type { PlanSummary, Run, RunOutcome, Status } from '../reconciler/core/status.ts';
import type { ChangeJson } from '../reconciler/core/change.ts';
import { type LastDrift, actorBehind } from '../reconciler/core/drift.ts';
import type { SweepRecord } from '../reconciler/core/sweep-record.ts';
import { type Content, type Html, html } from './html.ts';
import { actorInFull, actorOf, andOthers, healedIn, lengthOf, phaseBadge, timeOf, whoCaused } from './words.ts';

/** What one table is shown from. */
export interface TableView {
  readonly routeTableId: string;
  readonly status: Status | undefined;
  /** Newest first. */
  readonly runs: readonly Run[];
  readonly sweep: SweepRecord | undefined;
  readonly now: Date;
}

/** One table: how it is, what is open and why, what is left alone, and its history. */
export function tablePage({ routeTableId, status, runs, sweep, now }: TableView, back?: Html): Html {
  const { phase, reason } = shownPhase(routeTableId, status, sweep, now);
  return html`<section class="rr">
    ${back && html`<p>${back}</p>`}
    <h2>${routeTableId} ${phaseBadge(phase)}</h2>
    <p>${reason}</p>
    ${status && facts(status)} ${status && planOf(status)} ${status && failuresOf(status)} ${historyOf(runs)}
  </section>`;
}

function facts({ checkedAt, changedAt, trigger, actor, pause, heals = [], lastDrift, problems = [] }: Status): Html {
  const contested = heals.filter(({ contest }) => contest);
  return html`<dl>
      <dt>Looked at</dt>
      <dd>${timeOf(checkedAt)} UTC, in this phase since ${timeOf(changedAt)}</dd>
      <dt>Woken by</dt>
      <dd>
        ${trigger.kind}${trigger.name !== undefined && html` <code>${trigger.name}</code>`}${
          actor && html`, ${actorInFull(actor)}`
        }
      </dd>
      ${
        lastDrift &&
        html`<dt>Last drift</dt>
          <dd>
            ${timeOf(lastDrift.foundAt)} UTC, ${lastDrift.routes} ${lastDrift.routes === 1 ? 'route' : 'routes'}, by
            ${lastDrift.actor ? actorInFull(lastDrift.actor) : 'somebody no event told of'}${andOthers(lastDrift)};
            ${putRight(lastDrift)}
          </dd>`
      }
      ${
        pause &&
        html`<dt>Paused</dt>
          <dd>${pause.reason}${pause.until !== undefined && html`, until ${timeOf(pause.until)} UTC`}</dd>`
      }
    </dl>
    ${
      problems.length > 0 &&
      listing(
        'What is wrong with the item',
        ['Where', 'Found', 'What would be right'],
        problems.map(({ path, found, message }) => [html`<code>${path}</code>`, html`<code>${found}</code>`, message]),
      )
    }
    ${
      contested.length > 0 &&
      listing(
        'Contested: others undo what is healed',
        ['Destination', 'Healed', 'By', 'Not healed before'],
        contested.map(({ destination, at, by, contest }) => [
          html`<code>${destination}</code>`,
          `${at.length} times`,
          by.length === 0 ? 'nobody an event told of' : by.map((one, index) => [index > 0 && ', ', actorInFull(one)]),
          timeOf(contest?.until),
        ]),
      )
    }`;
}

const putRight = (lastDrift: LastDrift): string => {
  const time = healedIn(lastDrift);
  if (lastDrift.appliedAt === undefined && time !== undefined && time !== 'as found') return `over after ${time}`;
  return time === undefined
    ? 'not put right yet'
    : time === 'as found'
      ? 'put right as it was found'
      : `put right in ${time}`;
};

function planOf({ routeTableId, phase, plan, drift }: Status): Html | undefined {
  if (!plan) return undefined;
  const isDone = phase === 'InSync' || phase === 'Verifying';
  return html`${
      plan.blocked &&
      html`<p class="rr-callout">
        ${plan.blocked.message}. If the routes ${plan.blocked.deletes.join(', ')} may go:
        <code>routectl approve ${routeTableId}</code>
      </p>`
    }
    ${
      plan.changes.length > 0 &&
      listing(
        isDone ? 'The last plan, applied' : 'What is open',
        ['Action', 'Destination', 'From', 'To', 'Caused by'],
        plan.changes.map((change) => [
          waitsIn(plan, change) ? `${change.action} (waits)` : change.action,
          code(change.destination),
          code(change.from),
          code(change.to),
          causeOf(actorBehind(change, drift)),
        ]),
        plan.omitted?.changes,
      )
    }
    ${
      plan.findings.length > 0 &&
      listing(
        'Findings',
        ['Code', 'Destination', 'What it means'],
        plan.findings.map((finding) => [code(finding.code), code(finding.destination), finding.message]),
        plan.omitted?.findings,
      )
    }
    <p>${unchangedLine(plan)}</p>
    ${
      plan.leftAlone.length > 0 &&
      html`<details>
        <summary>Left alone: ${plan.leftAlone.length + (plan.omitted?.leftAlone ?? 0)}</summary>
        ${listing(
          'Left alone',
          ['Destination', 'Target', 'Because'],
          plan.leftAlone.map(({ destination, target, reason }) => [code(destination), code(target), reason]),
          plan.omitted?.leftAlone,
        )}
      </details>`
    }`;
}

const waitsIn = ({ blocked }: PlanSummary, { action, destination }: ChangeJson): boolean =>
  action === 'delete' && blocked?.deletes.includes(destination) === true;

/** Who made a change needed; an edit of the item needs no word. */
function causeOf(actor: RunOutcome['actor']): Content {
  if (actor === undefined) return undefined;
  return actor === 'unattributed' ? 'not announced' : actorOf(actor);
}

const unchangedLine = ({ unchanged }: PlanSummary): string =>
  unchanged === 1 ? '1 listed route is as desired.' : `${unchanged} listed routes are as desired.`;

const failuresOf = ({ failures }: Status): Html | false =>
  failures.length > 0 &&
  listing(
    'What failed',
    ['Change', 'EC2 answered', 'What would mend it', 'Tries', 'Next'],
    failures.map(({ action, destination, to, code: answer, message, remedy, attempts, nextRetry }) => [
      html`${action} ${code(destination)} ${to !== undefined && html`to ${code(to)}`}`,
      html`${answer !== undefined && html`<code>${answer}</code> `}${message}`,
      remedy,
      attempts,
      timeOf(nextRetry),
    ]),
  );

const historyOf = (runs: readonly Run[]): Html =>
  runs.length === 0
    ? html`<h3>History</h3>
        <p>Nothing was found, changed or refused yet.</p>`
    : listing(
        'History, newest first',
        ['When (UTC)', 'Woken by', 'What', 'Who caused it', 'Put right'],
        runs.map((run) => [
          timeOf(run.detectedAt),
          html`${run.trigger.kind}${run.trigger.name !== undefined && html` <code>${run.trigger.name}</code>`}`,
          whatOf(run),
          whoOf(run),
          whenRight(run),
        ]),
      );

function whenRight({ outcome, appliedAt, verifiedAt, trigger, detectedAt, phase }: Run): Content {
  const isDone = outcome.some(({ result }) => result === 'done' || result === 'already');
  if (appliedAt === undefined || !isDone) return phase ?? 'no';
  const time = lengthOf(Date.parse(appliedAt) - Date.parse(trigger.time ?? detectedAt));
  return `in ${time}${verifiedAt === undefined ? ', not seen yet' : ''}`;
}

function whatOf(run: Run): Content {
  if (run.notice !== undefined) return run.notice;
  if (run.outcome.length === 0) return run.reason;
  return html`${run.reason}
    <ul>
      ${run.outcome.map((outcome) => html`<li>${changeOf(outcome)}: ${resultOf(outcome)}</li>`)}
      ${run.moreOutcomes !== undefined && html`<li>and ${run.moreOutcomes} more</li>`}
    </ul>`;
}

const changeOf = ({ action, destination, from, to }: RunOutcome): Html =>
  html`${action}
  ${code(destination)}${from !== undefined && html` from ${code(from)}`}${to !== undefined && html` to ${code(to)}`}`;

const resultOf = ({ result, code: answer, message }: RunOutcome): string =>
  [result === 'skipped' ? 'not done' : result, answer, message].filter(Boolean).join(' ');

/** Each of those who caused something, once. */
function whoOf({ outcome, actor, trigger }: Run): Content {
  if (outcome.length === 0) return actor ? actorInFull(actor) : 'not announced by any event';
  const who = (one: RunOutcome): Html | string =>
    one.actor === 'unattributed' && trigger.kind === 'desired' ? 'an edit of the item' : whoCaused(one);
  const told = new Map(outcome.map((one) => [String(who(one)), who(one)]));
  return [...told.values()].map((who) => html`<div>${who}</div>`);
}

const code = (text: string | undefined): Html | undefined =>
  text === undefined ? undefined : html`<code>${text}</code>`;

const listing = (
  title: string,
  headings: readonly string[],
  rows: readonly (readonly Content[])[],
  more?: number,
): Html =>
  html`<div class="rr-scroll" tabindex="0" role="group" aria-label="${title}">
    <table>
      <caption>
        ${title}
      </caption>
      <thead>
        <tr>
          ${headings.map((heading) => html`<th scope="col">${heading}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (cells) =>
            html`<tr>
              ${cells.map((cell) => html`<td>${cell}</td>`)}
            </tr> `,
        )}
      </tbody>
    </table>
    ${more !== undefined && more > 0 && html`<p>and ${more} more</p>`}
  </div>`;
