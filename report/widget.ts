import { fleetPage } from './fleet-page.ts';
import { type Fleet, fleetView } from './fleet-view.ts';
import { type Content, type Html, html } from './html.ts';
import { type Theme, styles } from './style.ts';
import { type TableView, tablePage } from './table-page.ts';

/** The parameters with which a link calls the widget's function. */
export type WidgetCall = { readonly page: number } | { readonly routeTableId: string; readonly page: number };

/** Tables per page: a few screens of a widget, however large the fleet is. */
const pageSize = 50;

/**
 * A page of the fleet for a CloudWatch dashboard. Dashboards run no scripts, so each link calls the function again.
 *
 * @param endpoint the ARN of the widget's function
 * @see docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
 */
export const fleetWidget = (fleet: Fleet, page: number, theme: Theme, endpoint: string): string => {
  const links = {
    table: (routeTableId: string, text: Content) => action({ routeTableId, page }, text, endpoint),
    fleet: (to: number, text: Content) => action({ page: to }, text, endpoint),
  };
  return html`${styles(theme)}${fleetPage(fleetView(fleet), { page, pageSize }, links)}`.toString();
};

/** The page of one table for a CloudWatch dashboard. */
export const tableWidget = (table: TableView, page: number, theme: Theme, endpoint: string): string =>
  html`${styles(theme)}${tablePage(table, action({ page }, '← all tables', endpoint))}`.toString();

/** A link, directly followed by the action that CloudWatch takes when the link is clicked. */
const action = (call: WidgetCall, text: Content, endpoint: string): Html =>
  html`<a>${text}</a
    ><cwdb-action action="call" display="widget" endpoint="${endpoint}">${JSON.stringify(call)}</cwdb-action>`;
