import { counted } from '../reconciler/core/route/counted.ts';
import type { FleetRow, FleetView } from './fleet-view.ts';
import { type Content, type Html, html } from './html.ts';
import { actorOf, andOthers, haltOf, healedIn, heldText, phaseBadge, timeOf } from './words.ts';

/** How a page links to another: by an anchor in a file, by an action in a dashboard. */
export interface Links {
  readonly table: (routeTableId: string, text: Content) => Html;
  readonly fleet: (page: number, text: Content) => Html;
}

/** One page of the fleet. */
export interface FleetPage {
  /** The index of the page, from 0. */
  readonly page: number;
  /** @default - all tables on one page */
  readonly pageSize?: number;
}

/** One page of the fleet, as an HTML table with the most urgent route tables first. */
export function fleetPage(view: FleetView, { page, pageSize = Infinity }: FleetPage, links: Links): Html {
  const pages = Math.max(1, Math.ceil(view.rows.length / pageSize));
  const shown = Math.min(Math.max(0, Math.trunc(page) || 0), pages - 1);
  const first = shown === 0 ? 0 : shown * pageSize;
  const rows = view.rows.slice(first, first + pageSize);
  return html`<section class="rr">
    ${view.stop && stopped(view.stop)}
    <p class="rr-counts">
      ${view.counts.map(({ phase, count }) => html`<span class="rr-count">${count} ${phaseBadge(phase)}</span> `)}
    </p>
    <p class="rr-note">${sweepLine(view)}</p>
    ${
      view.rows.length === 0
        ? html`<p>
            No route table is managed yet. Write a desired item with <code>aws dynamodb put-item</code> or in the
            console.
          </p>`
        : html`<div class="rr-scroll" tabindex="0" role="group" aria-label="Route tables">
            <table>
              <caption>
                Route tables ${first + 1} to ${first + rows.length} of ${view.rows.length}, most urgent first
              </caption>
              <thead>
                <tr>
                  ${['Phase', 'Route table', 'VPC', 'Routes', 'Open', 'Last drift', 'Caused by', 'Repaired in'].map(
                    (heading) => html`<th scope="col">${heading}</th>`,
                  )}
                </tr>
              </thead>
              <tbody>
                ${rows.map((row) => rowOf(row, links))}
              </tbody>
            </table>
          </div>`
    }
    ${
      pages > 1 &&
      html`<p class="rr-pages">
        ${shown > 0 && links.fleet(shown - 1, '← previous')} page ${shown + 1} of ${pages}
        ${shown < pages - 1 && links.fleet(shown + 1, 'next →')}
      </p>`
    }
  </section>`;
}

/** Says why nothing is repaired. */
const stopped = ({ reason, by, at, until }: NonNullable<FleetView['stop']>): Html =>
  html`<p class="rr-callout">
    <strong>Everything is stopped</strong>${at !== undefined && html` since ${timeOf(at)} UTC`}${
      by !== undefined && html` by ${by}`
    }:
    ${reason}. ${until ? html`The stop expires ${timeOf(until.toISOString())} UTC.` : 'The stop does not expire.'}
  </p>`;

function rowOf(row: FleetRow, links: Links): Html {
  const { routeTableId, name, phase, reason, vpcId, routes, open, blackholes = 0, lastDrift } = row;
  const halt = haltOf(row);
  const isCalm = (phase === 'InSync' || phase === 'Verifying') && blackholes === 0;
  return html`<tr>
    <td>${phaseBadge(phase)}</td>
    <th scope="row">
      <span class="rr-id">${links.table(routeTableId, routeTableId)}</span
      >${name !== undefined && html` ${name}`}${halt && html`<div class="rr-reason">${halt}</div>`}${row.holds?.map((hold) => html`<div class="rr-reason">${heldText(hold)}</div>`)}${!isCalm && html`<div class="rr-reason">${reason}</div>`}${
        blackholes > 0 && html`<div class="rr-reason">Blackholes: ${blackholes} (target gone or not ready)</div>`
      }
    </th>
    <td class="rr-id">${vpcId}</td>
    <td class="rr-number">${routes}</td>
    <td class="rr-number">${open}</td>
    <td>${lastDrift && html`${timeOf(lastDrift.foundAt)}, ${counted(lastDrift.routes, 'route')}`}</td>
    <td>
      ${lastDrift && (lastDrift.actor ? html`${actorOf(lastDrift.actor)}${andOthers(lastDrift)}` : 'not reported')}
    </td>
    <td>${lastDrift && (healedIn(lastDrift) ?? 'not yet')}</td>
  </tr>`;
}

function sweepLine({ sweep, now }: FleetView): Html {
  const shownAt = html`As of ${timeOf(now.toISOString())} UTC.`;
  if (!sweep) return html`No sweep has run yet. ${shownAt}`;
  const { startedAt, endedAt, checked, unknown } = sweep;
  const reached =
    endedAt === undefined ? html`has been running since ${timeOf(startedAt)}` : html`ended ${timeOf(endedAt)}`;
  return html`The last sweep ${reached}. Tables read:
  ${checked}${unknown.count > 0 && html`, <strong>could not be read: ${unknown.count}</strong>`}. ${shownAt}`;
}
