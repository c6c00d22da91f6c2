import { writeFile } from 'node:fs/promises';
import pMap from 'p-map';
import { reportDocument } from '../report/document.ts';
import type { FleetRow } from '../report/fleet-view.ts';
import { type DeploymentOptions, reaching } from './deployment.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import { readFleet } from './fleet.ts';
import { rowJson } from './fleet-text.ts';
import { counted } from '../reconciler/core/route/counted.ts';
import { idsChecked } from './pause.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

export interface ReportOptions extends DeploymentOptions {
  /** The file to write; `-` is standard output. */
  readonly html?: string;
}

/**
 * The maximum number of tables shown in full besides those asked for, most urgent first. Each costs one query of its
 * history.
 */
const wholeAtMost = 200;
const readAtOnce = 8;

/** Drift is recent for this long. */
const recentMs = 7 * 24 * 60 * 60 * 1_000;

/** `routectl report`: writes the fleet as an HTML file for people or as JSON lines for scripts. Changes nothing. */
export async function report(ids: readonly string[], options: ReportOptions, terminal: Terminal): Promise<ExitCode> {
  if (options.html === undefined && !options.json) throw new Failure('choose an output: --html report.html, or --json');
  const asked = new Set(idsChecked(ids));
  const { open, reader, fleet, view } = await readFleet([...asked], options, terminal);
  const { rows, stop } = view;
  const lines = asked.size === 0 ? rows : rows.filter(({ routeTableId }) => asked.has(routeTableId));
  if (options.json) for (const row of lines) terminal.print(rowJson(row, stop));
  if (options.html === undefined) return exitCode.ok;

  const telling = new Set(rows.filter((row) => isTelling(row, fleet.now)).slice(0, wholeAtMost));
  const whole = rows.filter((row) => asked.has(row.routeTableId) || telling.has(row));
  terminal.note(`${counted(rows.length, 'route table')}, ${whole.length} of them with history …`);
  const tables = await reaching('read histories', open, () =>
    pMap(whole, async ({ routeTableId }) => ({ routeTableId, ...(await reader.table(routeTableId)), now: fleet.now }), {
      concurrency: readAtOnce,
    }),
  );
  const document = reportDocument(fleet, tables);
  if (options.html === '-') terminal.print(document);
  else await written(options.html, document);
  if (options.html !== '-') terminal.note(printable(`Written: ${options.html}`));
  return exitCode.ok;
}

/** Whether to show a table in full: it is not in sync, or it drifted recently. */
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
