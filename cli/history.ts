import type { DeploymentOptions } from './deployment.ts';
import { reaching } from './deployment.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { readFleet } from './fleet.ts';
import { historyText, timeline } from './fleet-text.ts';
import { idsChecked } from './pause.ts';
import type { Terminal } from './terminal.ts';
import { startOf } from './times.ts';

export interface HistoryOptions extends DeploymentOptions {
  /** An instant, or a time before now such as `2h`. Without it, the latest 25 runs and calls. */
  readonly since?: string;
  /** Only entries whose actor contains this text. */
  readonly actor?: string;
}

/** `routectl history`: who changed what in one table, and how long it lasted. Changes nothing. */
export async function history(
  given: string,
  { since, actor, json = false, ...options }: HistoryOptions,
  { print, note, look }: Terminal,
): Promise<ExitCode> {
  const [id = ''] = idsChecked([given]);
  const from = since === undefined ? undefined : startOf(since, new Date());
  const { open, reader } = await readFleet([id], options, { note });
  const { runs, calls } = await reaching('read the history', open, () => reader.table(id, from));
  const entries = timeline(runs, calls).filter(
    ({ who }) => actor === undefined || who.some((name) => name.includes(actor)),
  );
  if (json) for (const entry of entries) print(JSON.stringify(entry));
  else if (entries.length > 0) print(historyText(entries, look));
  if (entries.length === 0) note('nothing is recorded: no drift, change, failure or reported call');
  return exitCode.ok;
}
