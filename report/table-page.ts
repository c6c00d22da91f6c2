import { counted } from '../reconciler/core/route/counted.ts';
import { shownPhase } from '../reconciler/core/status/freshness.ts';
import { actorBehind } from '../reconciler/core/announce/events.ts';
import type { Run, RunOutcome } from '../reconciler/core/announce/history.ts';
import { type PlanSummary, type Status, isCalm, phaseInForce } from '../reconciler/core/status/status.ts';
import type { ChangeJson } from '../reconciler/core/route/change.ts';
import type { ReportedCall } from '../reconciler/core/memory/call.ts';
import type { SweepRecord } from '../reconciler/core/status/sweep-record.ts';
import { type Content, type Html, html } from './html.ts';
import {
  actorInFull,
  actorOf,
  andOthers,
  haltOf,
  onlyTheItem,
  phaseBadge,
  repairOf,
  repairTimeOf,
  timeOf,
  whoCaused,
} from './words.ts';

/** The input of one table's page. */
export interface TableView {
  readonly routeTableId: string;
  readonly status: Status | undefined;
  /** Newest first. */
  readonly runs: readonly Run[];
  /** Calls by others that events reported in the last day, newest first. */
  readonly calls: readonly ReportedCall[];
  readonly sweep: SweepRecord | undefined;
  readonly now: Date;
}

/** The page of one table: its state, open changes, routes left alone, failures and history. */
export function tablePage({ routeTableId, status, runs, calls, sweep, now }: TableView, back?: Html): Html {
  const { phase, reason } = shownPhase(routeTableId, status, sweep, now);
  return html`<section class="rr">
    ${back && html`<p>${back}</p>`}
    <h2>${routeTableId}${status?.name !== undefined && html` ${status.name}`} ${phaseBadge(phase)}</h2>
    <p>${reason}</p>
    ${status && facts(status)} ${status && planOf(status)} ${status && failuresOf(status)} ${historyOf(runs, calls)}
  </section>`;
}

function facts(status: Status): Html {
  const { checkedAt, changedAt, trigger, actor, inForce, contested = [], lastDrift, problems = [] } = status;
  const halt = haltOf(status);
  return html`<dl>
      <dt>Last read</dt>
      <dd>${timeOf(checkedAt)} UTC, in this phase since ${timeOf(changedAt)}</dd>
      <dt>Triggered by</dt>
      <dd>
        ${trigger.kind}${trigger.name !== undefined && html` <code>${trigger.name}</code>`}${
          actor && html`, ${actorInFull(actor)}`
        }
      </dd>
      ${
        inForce &&
        html`<dt>In force</dt>
          <dd>
            the last valid version of the item, first reconciled ${timeOf(inForce.since)} UTC:
            ${phaseBadge(inForce.phase)} ${inForce.reason}
          </dd>`
      }
      ${
        lastDrift &&
        html`<dt>Last drift</dt>
          <dd>
            ${timeOf(lastDrift.foundAt)} UTC, ${counted(lastDrift.routes, 'route')},
            ${lastDrift.actor ? html`by ${actorInFull(lastDrift.actor)}` : 'not reported by any event'}${andOthers(lastDrift)};
            ${repairOf(lastDrift)}
          </dd>`
      }
      ${
        halt &&
        html`<dt>Not enforced</dt>
          <dd>${halt}</dd>`
      }
    </dl>
    ${
      problems.length > 0 &&
      listing(
        'Problems of the item',
        ['Where', 'Found', 'Expected'],
        problems.map(({ path, found, message }) => [html`<code>${path}</code>`, html`<code>${found}</code>`, message]),
      )
    }
    ${
      contested.length > 0 &&
      listing(
        'Contested: others undo these repairs',
        ['Destination', 'Repaired', 'Undone by', 'No repair before'],
        contested.map(({ destination, repairs, by, until }) => [
          html`<code>${destination}</code>`,
          `${repairs} times`,
          by.length === 0 ? 'not reported by any event' : by.map((one, index) => [index > 0 && ', ', actorInFull(one)]),
          timeOf(until),
        ]),
      )
    }`;
}

function planOf({ routeTableId, plan, drift, ...status }: Status): Html | undefined {
  if (!plan) return undefined;
  const isApplied = isCalm(phaseInForce(status));
  return html`${
      plan.blocked &&
      html`<p class="rr-callout">
        ${plan.blocked.message}. To allow the deletes of
        ${plan.blocked.deletes.map(({ destination }) => destination).join(', ')}:
        <code>routectl approve ${routeTableId}</code>
      </p>`
    }
    ${plan.waiting?.map(
      ({ destination, creates }) =>
        html`<p>The delete of ${destination} waits until a read shows ${creates.join(', ')}.</p>`,
    )}
    ${
      plan.changes.length > 0 &&
      listing(
        isApplied ? 'Last plan (applied)' : 'Open changes',
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
        ['Code', 'Destination', 'Meaning'],
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
          ['Destination', 'Target', 'Reason'],
          plan.leftAlone.map(({ destination, target, reason }) => [code(destination), code(target), reason]),
          plan.omitted?.leftAlone,
        )}
      </details>`
    }`;
}

const waitsIn = ({ blocked, waiting = [] }: PlanSummary, { action, destination }: ChangeJson): boolean =>
  action === 'delete' && [...(blocked?.deletes ?? []), ...waiting].some((one) => one.destination === destination);

/** Who caused the drift behind a change. Empty for a change that an edit of the item asks for. */
function causeOf(actor: RunOutcome['actor']): Content {
  if (actor === undefined) return undefined;
  return actor === 'unattributed' ? 'not reported' : actorOf(actor);
}

const unchangedLine = ({ unchanged }: PlanSummary): string =>
  unchanged === 1 ? '1 listed route is as desired.' : `${unchanged} listed routes are as desired.`;

const failuresOf = ({ failures }: Status): Html | false =>
  failures.length > 0 &&
  listing(
    'Failures',
    ['Change', 'Answer of EC2', 'Remedy', 'Tries', 'Next try'],
    failures.map(({ action, destination, to, code: answer, message, remedy, attempts, nextRetry }) => [
      html`${action} ${code(destination)} ${to !== undefined && html`to ${code(to)}`}`,
      html`${answer !== undefined && html`<code>${answer}</code> `}${message}`,
      remedy,
      attempts,
      nextRetry === undefined ? 'with the next sweep' : timeOf(nextRetry),
    ]),
  );

/** Runs and the calls that events reported, as one timeline. A call that changed the surroundings has a run of its own. */
function historyOf(runs: readonly Run[], calls: readonly ReportedCall[]): Html {
  if (runs.length + calls.length === 0)
    return html`<h3>History</h3>
      <p>No drift, change or failure has been recorded yet.</p>`;
  const entries = [
    ...runs.map((run) => ({
      at: run.detectedAt,
      cells: [
        html`${run.trigger.kind}${run.trigger.name !== undefined && html` <code>${run.trigger.name}</code>`}`,
        whatOf(run),
        whoOf(run),
        whenRight(run),
      ],
    })),
    ...calls
      .filter(({ about }) => about !== 'surroundings')
      .map((call) => ({
        at: call.time,
        cells: [html`call <code>${call.name}</code>`, subjectOf(call), whoCaused(call), ''],
      })),
  ].sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
  return listing(
    'History, newest first',
    ['Time (UTC)', 'Triggered by', 'What happened', 'Caused by', 'Repaired'],
    entries.map(({ at, cells }) => [timeOf(at), ...cells]),
  );
}

/** What a call was about, as far as its event says. */
function subjectOf(call: ReportedCall): Content {
  switch (call.about) {
    case 'route':
      return html`${code(call.destination)}${call.target !== undefined && html` to ${code(call.target)}`}`;
    case 'target-up':
    case 'target-down':
      return html`${code(call.ids.join(', '))}`;
    case 'surroundings':
      return call.notice;
    case 'table':
      return 'the table itself';
    default:
      return call satisfies never;
  }
}

function whenRight(run: Run): Content {
  const time = repairTimeOf(run);
  if (time === undefined) return run.phase ?? 'no';
  return `in ${time}${run.verifiedAt === undefined ? ', not verified yet' : ''}`;
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

const changeOf = ({ action, destination, from, to, because }: RunOutcome): Html =>
  html`${action}
  ${code(destination)}${from !== undefined && html` from ${code(from)}`}${to !== undefined && html` to ${code(to)}`}${because && ', because its target was down'}`;

const resultOf = ({ result, code: answer, message }: RunOutcome): string =>
  [result === 'skipped' ? 'not done' : result, answer, message].filter(Boolean).join(' ');

/** Everyone who caused something, each once. */
function whoOf({ outcome, actor }: Run): Content {
  if (outcome.length === 0) return actor ? actorInFull(actor) : 'not reported by any event';
  const who = (one: RunOutcome): Html | string => (one.actor === undefined ? onlyTheItem : whoCaused(one));
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
