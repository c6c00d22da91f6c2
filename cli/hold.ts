import { slotsOf } from '../reconciler/core/plan/slots.ts';
import type { Hop } from '../reconciler/core/route/path.ts';
import { destinationText, parseDestination, targetText } from '../reconciler/core/route/route.ts';
import { noSuchTable, tablesInEc2 } from './actual-tables.ts';
import { authorOf } from './caller.ts';
import { type DeploymentOptions, deployment, reaching } from './deployment.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import { hopText } from './paths.ts';
import { idsChecked, noteUnmanaged, writerOf } from './pause.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';
import { endOf } from './times.ts';

export interface HoldOptions extends DeploymentOptions {
  readonly reason?: string;
  readonly until?: string;
  readonly for?: string;
  /** End the hold instead. */
  readonly end?: boolean;
}

/** `routectl hold`: one destination is neither created, replaced nor deleted until the hold ends. */
export async function hold(id: string, text: string, options: HoldOptions, terminal: Terminal): Promise<ExitCode> {
  const [routeTableId = id] = idsChecked([id]);
  const destination = destinationChecked(text);
  return options.end
    ? release(routeTableId, destination, options, terminal)
    : begin(routeTableId, destination, options, terminal);
}

async function begin(
  routeTableId: string,
  destination: string,
  options: HoldOptions,
  { print, note }: Terminal,
): Promise<ExitCode> {
  const at = new Date();
  const until = endOf(options, at);
  if (!until) throw new Failure('give an end: --for 2h or --until 2027-01-31T18:00:00Z (or --end to end a hold)');
  const reason = options.reason?.trim() || 'no reason given';
  const open = await deployment(options, { note });
  const by = authorOf(open.caller);
  const writer = await writerOf(open);
  await reaching('write the hold', open, async () => {
    await noteUnmanaged([routeTableId], open, note);
    await writer.hold(routeTableId, destination, { reason, by, at, until });
  });
  const route = await heldRoute(routeTableId, destination, note);
  if (options.json) print(JSON.stringify({ routeTableId, destination, held: { reason, by, at, until }, route }));
  else print(`Held: ${destination} in ${routeTableId} stays ${stateOf(route)} until ${until.toISOString()}.`);
  note(printable(`Within about 5 seconds no new change of it starts. By ${by}: ${reason}`));
  note(`End it: routectl hold ${routeTableId} ${destination} --end; take what is there into the item: routectl accept`);
  return exitCode.ok;
}

/**
 * Where the static route of a held destination goes. Null if there is none; undefined if EC2 cannot be read: the hold is
 * in force anyway.
 */
async function heldRoute(
  routeTableId: string,
  destination: string,
  note: Terminal['note'],
): Promise<Hop | null | undefined> {
  try {
    const { ec2RouteTables } = await import('../reconciler/aws/ec2/route-tables.ts');
    const table = (await tablesInEc2(ec2RouteTables(), [routeTableId])).get(routeTableId);
    if (!table) throw noSuchTable(routeTableId);
    const route = slotsOf(table.routes).static.get(destination);
    return route ? { target: targetText(route.target), state: route.state } : null;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    note(`The hold is in force, but the route that it holds is unknown: ${error.message}`);
    return undefined;
  }
}

function stateOf(route: Hop | null | undefined): string {
  if (route === undefined) return 'as it is';
  return route === null ? 'without a static route' : `at ${hopText(route)}`;
}

async function release(
  routeTableId: string,
  destination: string,
  options: HoldOptions,
  { print, note }: Terminal,
): Promise<ExitCode> {
  if (options.until !== undefined || options.for !== undefined)
    throw new Failure('give --end or a time, not both: --end ends the hold now');
  const open = await deployment(options, { note });
  const writer = await writerOf(open);
  const ended = await reaching('end the hold', open, () => writer.release(routeTableId, destination, new Date()));
  const what = `the hold of ${destination} in ${routeTableId}`;
  if (options.json) print(JSON.stringify({ routeTableId, destination, released: ended === 'ended' }));
  else if (ended === 'ended') print(`Ended ${what}.`);
  else print(`There was nothing to end: ${what} ${ended === 'over' ? 'had ended before' : 'was never ordered'}.`);
  if (ended === 'ended')
    note('Drift there is repaired now; the delete of a route that appeared meanwhile waits (routectl approve).');
  return exitCode.ok;
}

export function destinationChecked(text: string): string {
  const parsed = parseDestination(text);
  if (!parsed.ok) throw new Failure(`"${text}" is not a destination: expected ${parsed.expected}`);
  return destinationText(parsed.value);
}
