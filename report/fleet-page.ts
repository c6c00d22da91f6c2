import type { FleetRow, FleetView } from './fleet-view.ts';
import { type Content, type Html, html } from './html.ts';
import { actorOf, andOthers, healedIn, phaseBadge, timeOf } from './words.ts';

/** How a page leads to another: an anchor in a file, an action in a dashboard. */
export interface Links {
  readonly table: (routeTableId: string, text: Content) => Html;
  readonly fleet: (page: number, text: Content) => Html;
}

/** One page of the fleet. */
export interface FleetPage {
  /** From 0. */
  readonly page: number;
  /** @default every table is on the one page */
  readonly pageSize?: number;
}

/** The fleet as a table: what needs a person comes first, page by page. */
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
            No route table is managed yet. Write a desired item, by <code>aws dynamodb put-item</code> or in the
            console.
          </p>`
        : html`<div class="rr-scroll" tabindex="0" role="group" aria-label="Route tables">
            <table>
              <caption>
                Route tables ${first + 1} to ${first + rows.length} of ${view.rows.length}, what needs a person first
              </caption>
              <thead>
                <tr>
                  ${['Phase', 'Route table', 'VPC', 'Routes', 'Open', 'Last drift', 'Caused by', 'Put right in'].map(
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

/** Whoever looks at a fleet that does not heal must see why. */
const stopped = ({ reason, by, at, until }: NonNullable<FleetView['stop']>): Html =>
  html`<p class="rr-callout">
    <strong>Everything is stopped</strong>${at !== undefined && html` since ${timeOf(at)} UTC`}${
      by !== undefined && html` by ${by}`
    }:
    ${reason}. ${until ? html`It ends ${timeOf(until.toISOString())} UTC.` : 'It has no end.'}
  </p>`;

function rowOf(row: FleetRow, links: Links): Html {
  const { routeTableId, phase, reason, vpcId, routes, open, blackholes = 0, lastDrift } = row;
  const isCalm = phase === 'InSync' || phase === 'Verifying';
  return html`<tr>
    <td>${phaseBadge(phase)}</td>
    <th scope="row">
      <span class="rr-id">${links.table(routeTableId, routeTableId)}</span
      >${!isCalm && html`<div class="rr-reason">${reason}</div>`}${
        blackholes > 0 &&
        html`<div class="rr-reason">${blackholes} dropping traffic: a target is gone or not ready</div>`
      }
    </th>
    <td class="rr-id">${vpcId}</td>
    <td class="rr-number">${routes}</td>
    <td class="rr-number">${open}</td>
    <td>${lastDrift && html`${timeOf(lastDrift.foundAt)}, ${routesWord(lastDrift.routes)}`}</td>
    <td>
      ${lastDrift && (lastDrift.actor ? html`${actorOf(lastDrift.actor)}${andOthers(lastDrift)}` : 'not announced')}
    </td>
    <td>${lastDrift && (healedIn(lastDrift) ?? 'not yet')}</td>
  </tr>`;
}

const routesWord = (count: number): string => (count === 1 ? '1 route' : `${count} routes`);

function sweepLine({ sweep, now }: FleetView): Html {
  const shownAt = html`Shown as of ${timeOf(now.toISOString())} UTC.`;
  if (!sweep) return html`No sweep has run yet. ${shownAt}`;
  const { startedAt, endedAt, checked, unknown } = sweep;
  const reached =
    endedAt === undefined ? html`is under way since ${timeOf(startedAt)}` : html`ended ${timeOf(endedAt)}`;
  return html`The last sweep ${reached}: ${checked} looked
  at${unknown.count > 0 && html`, <strong>${unknown.count} could not be</strong>`}. ${shownAt}`;
}
