import type { FleetReader } from '../reconciler/aws/dynamodb/fleet-reader.ts';
import { type Fleet, type FleetView, fleetView } from '../report/fleet-view.ts';
import { type Deployment, type DeploymentOptions, deployment, reaching } from './deployment.ts';
import { Failure } from './failure.ts';
import type { Terminal } from './terminal.ts';

export async function fleetReaderOf(open: Deployment): Promise<FleetReader> {
  const { fleetReader } = await import('../reconciler/aws/dynamodb/fleet-reader.ts');
  return fleetReader(open.documents, open);
}

/** The fleet of a deployment, as stored. */
export interface OpenFleet {
  readonly open: Deployment;
  readonly reader: FleetReader;
  readonly fleet: Fleet;
  readonly view: FleetView;
}

/**
 * Reads the fleet. Calls neither EC2 nor a function.
 *
 * @param ids tables that must be among it
 * @throws Failure if the tables cannot be read, or if one of the ids is not managed
 */
export async function readFleet(
  ids: readonly string[],
  options: DeploymentOptions,
  terminal: Pick<Terminal, 'note'>,
): Promise<OpenFleet> {
  const open = await deployment(options, terminal);
  const reader = await fleetReaderOf(open);
  const fleet = { ...(await reaching('read the fleet', open, () => reader.fleet())), now: new Date() };
  const view = fleetView(fleet);
  const managed = new Set(view.rows.map(({ routeTableId }) => routeTableId));
  const unmanaged = ids.filter((id) => !managed.has(id));
  if (unmanaged.length > 0)
    throw new Failure(
      `${unmanaged.join(', ')}: not managed: no desired item in ${open.desiredTable}; expected a table that "routectl status" lists`,
    );
  return { open, reader, fleet, view };
}
