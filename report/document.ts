import { fleetPage } from './fleet-page.ts';
import { type Fleet, fleetView } from './fleet-view.ts';
import { type Content, html } from './html.ts';
import { documentStyles } from './style.ts';
import { type TableView, tablePage } from './table-page.ts';

/**
 * The fleet as one self-contained file: all tables, and a section for each table in `tables`. The file runs no script
 * and loads nothing; its Content-Security-Policy makes the browser enforce that.
 */
export function reportDocument(fleet: Fleet, tables: readonly TableView[]): string {
  const sections = new Set(tables.map(({ routeTableId }) => routeTableId));
  const links = {
    table: (routeTableId: string, text: Content) =>
      sections.has(routeTableId) ? html`<a href="#${routeTableId}">${text}</a>` : html`${text}`,
    fleet: (_: number, text: Content) => html`${text}`,
  };
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>Route Reconciler: ${fleet.tables.length} route tables</title>
        ${documentStyles}
      </head>
      <body>
        <main>
          <h1 class="rr">Route tables</h1>
          ${fleetPage(fleetView(fleet), { page: 0 }, links)}
          ${tables.map(
            (table) =>
              html`<article id="${table.routeTableId}">
                ${tablePage(table, html`<a href="#">↑ all tables</a>`)}
              </article>`,
          )}
        </main>
      </body>
    </html>`;
  return `${document.toString().trim()}\n`;
}
