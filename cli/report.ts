import { writeFile } from 'node:fs/promises';
import pMap from 'p-map';
import { reportDocument } from '../report/document.ts';
import { type FleetRow, fleetView } from '../report/fleet-view.ts';
import { type DeploymentOptions, deployment, reaching } from './deployment.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import { count } from './layout.ts';
import { idsChecked } from './pause.ts';
import type { Terminal } from './terminal.ts';

export interface ReportOptions extends DeploymentOptions {
  /** The file to write; `-` is standard output. */
  readonly html?: string;
}

/** So many tables are shown whole unasked, each with one query of its history; the most urgent ones. */
const wholeAtMost = 200;
const readAtOnce = 8;

/** Drift of so many milliseconds is recent. */
const recentMs = 7 * 24 * 60 * 60 * 1_000;

/** `routectl report`: the fleet as a file to keep, to send or to print, or as lines for scripts. Changes nothing. */
export async function report(ids: readonly string[], options: ReportOptions, terminal: Terminal): Promise<ExitCode> {
  if (options.html === undefined && !options.json) throw new Failure('say where to: --html report.html, or --json');
  const asked = new Set(idsChecked(ids));
  const open = await deployment(options);
  const { fleetReader } = await import('../reconciler/aws/fleet-reader.ts');
  const reader = fleetReader(open.documents, open);
  const now = new Date();
  const fleet = { ...(await reaching('read the fleet', open, () => reader.fleet())), now };
  const { rows } = fleetView(fleet);
  const managed = new Set(rows.map(({ routeTableId }) => routeTableId));
  const unmanaged = [...asked].filter((id) => !managed.has(id));
  if (unmanaged.length > 0)
    throw new Failure(
      `${unmanaged.join(', ')}: no desired item in ${open.desiredTable}, so not managed; expected one that "routectl report --json" lists`,
    );
  const lines = asked.size === 0 ? rows : rows.filter(({ routeTableId }) => asked.has(routeTableId));
  if (options.json) for (const row of lines) terminal.print(JSON.stringify(row));
  if (options.html === undefined) return exitCode.ok;

  const telling = new Set(rows.filter((row) => isTelling(row, now)).slice(0, wholeAtMost));
  const whole = rows.filter((row) => asked.has(row.routeTableId) || telling.has(row));
  terminal.note(`${count(rows.length, 'route table')}, ${whole.length} of them with their history …`);
  const tables = await reaching('read histories', open, () =>
    pMap(whole, async ({ routeTableId }) => ({ routeTableId, ...(await reader.table(routeTableId)), now }), {
      concurrency: readAtOnce,
    }),
  );
  const document = reportDocument(fleet, tables);
  if (options.html === '-') terminal.print(document);
  else await written(options.html, document);
  if (options.html !== '-') terminal.note(`Written: ${options.html}`);
  return exitCode.ok;
}

/** Whether a reader of the report wants to know more of a table: it needs a person, or drifted lately. */
const isTelling = ({ phase, lastDrift }: FleetRow, now: Date): boolean =>
  phase !== 'InSync' || (lastDrift !== undefined && now.getTime() - Date.parse(lastDrift.foundAt) < recentMs);

async function written(file: string, document: string): Promise<void> {
  try {
    await writeFile(file, document);
  } catch (error) {
    throw new Failure(`could not write ${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
