import { phases } from '../reconciler/core/status/status.ts';
import { sortedBy } from '../reconciler/core/route/route.ts';
import type { FleetRow } from '../report/fleet-view.ts';
import type { DeploymentOptions } from './deployment.ts';
import { type ExitCode, exitCodeOfPhase, worst } from './exit-code.ts';
import { Failure } from './failure.ts';
import { readFleet } from './fleet.ts';
import { fleetText, rowJson, tableText } from './fleet-text.ts';
import { idsChecked } from './pause.ts';
import type { Terminal } from './terminal.ts';

export interface StatusOptions extends DeploymentOptions {
  /** Only tables in these phases. */
  readonly phase?: readonly string[];
  readonly vpc?: readonly string[];
  readonly sort?: keyof typeof orders;
}

/** How rows can be sorted. They come most urgent first. */
const orders = {
  urgency: (rows: readonly FleetRow[]) => rows,
  id: (rows: readonly FleetRow[]) => sortedBy(rows, ({ routeTableId }) => routeTableId),
  name: (rows: readonly FleetRow[]) => sortedBy(rows, ({ name = '~', routeTableId }) => `${name} ${routeTableId}`),
  drift: (rows: readonly FleetRow[]) => sortedBy(rows, ({ lastDrift }) => lastDrift?.foundAt ?? '').toReversed(),
};

/** `routectl status`: shows the fleet as the reconciler last stored it, or one table in full. Changes nothing. */
export async function status(given: readonly string[], options: StatusOptions, terminal: Terminal): Promise<ExitCode> {
  const { json = false, sort = 'urgency', vpc = [] } = options;
  const ids = idsChecked(given);
  const wanted = phasesChecked(options.phase ?? []);
  const { fleet, view } = await readFleet(ids, options, terminal);
  const isWanted = ({ routeTableId, phase, vpcId = '' }: FleetRow): boolean =>
    (ids.length === 0 || ids.includes(routeTableId)) &&
    (wanted.length === 0 || wanted.includes(phase)) &&
    (vpc.length === 0 || vpc.includes(vpcId));
  const shown = orders[sort](view.rows.filter(isWanted));
  const [first] = shown;
  if (json) for (const row of shown) terminal.print(rowJson(row, view.stop));
  else if (ids.length === 1 && first) {
    const known = fleet.tables.find(({ routeTableId }) => routeTableId === first.routeTableId);
    terminal.print(tableText(first, known?.status, terminal.look));
  } else terminal.print(fleetText(shown, view, terminal.look));
  return worst(shown.map(({ phase }) => exitCodeOfPhase[phase]));
}

/** @throws Failure if one of them is no phase */
function phasesChecked(names: readonly string[]): readonly string[] {
  const known: readonly string[] = [...phases, 'Unknown'];
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined) throw new Failure(`--phase ${wrong}: expected one of ${known.join(', ')}`);
  return names;
}
