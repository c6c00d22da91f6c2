import type { Made } from '../reconciler/core/announce/made.ts';
import type { Cidr } from '../reconciler/core/route/cidr.ts';
import { type Path, hopOf, leadingTo } from '../reconciler/core/route/path.ts';
import { type ActualRoute, type ActualTable, destinationText } from '../reconciler/core/route/route.ts';
import { nameOfActor, secondsOf } from '../report/words.ts';
import { type Look, columns, sections } from './layout.ts';
import { printable } from './printable.ts';
import { hopText } from './paths.ts';

/** The answer of `routectl trace`. */
export interface Trace {
  readonly address: Cidr;
  readonly table: ActualTable;
  /** The subnet that was asked about, and why the table serves it. */
  readonly subnet?: { readonly id: string; readonly as: 'associated' | 'main' };
  readonly now: Path;
  /** How the route that wins came to its target, if that is recorded. */
  readonly made?: Made;
  readonly planned?: PlannedPath;
}

/** The path after a plan. */
export interface PlannedPath {
  /** Where the plan comes from. */
  readonly from: string;
  readonly path: Path;
  /** The path until the deletes that wait are approved, if that is another one. */
  readonly meanwhile?: Path;
  /** The path now, and that until then, are the same as after the plan. */
  readonly isSame: boolean;
  /** Nothing changes before the deletes that wait are approved. */
  readonly waits: boolean;
}

/** A trace for people: the table, then the path now and after the plan. */
export function traceText({ address, table, subnet, now, made, planned }: Trace, look: Look): string {
  const { paint } = look;
  const name = table.tags['Name'];
  const facts = [
    ...(name === undefined ? [] : [printable(name)]),
    ...(table.vpcId === undefined ? [] : [paint('dim', table.vpcId)]),
    ...(subnet ? [`${subnet.as === 'main' ? 'main table of the VPC, serves' : 'associated with'} ${subnet.id}`] : []),
  ];
  const rows = [
    ['now', ...pathCells(now, look)],
    ...(made ? [['since', madeText(made), '']] : []),
    ...(planned ? plannedRows(planned, look) : []),
  ].map(([name = '', ...cells]) => [paint('dim', name), ...cells]);
  return sections(
    [[`${paint('bold', addressText(address))} from ${paint('bold', table.routeTableId)}`, ...facts].join('  ')],
    columns(rows, look.width),
  );
}

const addressText = ({ cidr }: Trace['address']): string => cidr.slice(0, cidr.indexOf('/'));

/** Where a path leads, and which route says so. */
function pathCells({ winners, doubts }: Path, { paint }: Look): [string, string] {
  const routes = winners.map(({ route, block }) => routeText(route, block.cidr)).join(' or ');
  const stands = leadingTo(winners).map(hopText).join(' or ');
  if (doubts.length > 0) {
    const lists = doubts.map((route) => `${destinationOf(route)} (to ${hopText(hopOf(route))})`).join(', ');
    const otherwise = stands === '' ? 'no other route carries the packet' : `otherwise ${stands}, by ${routes}`;
    return [paint('yellow', 'unknown'), `the addresses of ${lists} could not be read; ${otherwise}`];
  }
  const [winner, ...others] = winners;
  if (!winner) return [paint('red', 'no route'), 'traffic is dropped'];
  if (leadingTo(winners).length > 1)
    return [paint('yellow', 'unknown'), `EC2 does not report which of equal blocks it chose: ${routes}`];
  const isGood = winner.route.state === 'active';
  return [
    paint(isGood ? 'green' : 'red', stands),
    `by ${others.length === 0 ? routeText(winner.route, winner.block.cidr) : routes}`,
  ];
}

const destinationOf = ({ destination }: ActualRoute): string => printable(destinationText(destination));

/** The route that claims a block. */
function routeText(route: ActualRoute, block: string): string {
  const kind = {
    created: 'static',
    'with-table': 'made with the table',
    propagated: 'propagated',
    advertised: 'advertised by a route server',
    unknown: 'of unknown origin',
  }[route.origin];
  const destination = destinationOf(route);
  return destination === block ? `${block}, ${kind}` : `${block} in prefix list ${destination}`;
}

function plannedRows({ from, path, meanwhile, isSame, waits }: PlannedPath, look: Look): string[][] {
  const source = look.paint('dim', `[${printable(from)}]`);
  if (isSame) return [['after', 'the same', source]];
  const [where, why] = pathCells(path, look);
  if (!meanwhile) return [['after', where, `${why} ${source}`]];
  const last = [where, `${why}, once the deletes that wait are approved ${source}`];
  return waits
    ? [['after', ...last]]
    : [
        ['after', ...pathCells(meanwhile, look)],
        ['then', ...last],
      ];
}

function madeText({ at, how, call, actor }: Made): string {
  const who = actor ? printable(nameOfActor(actor)) : undefined;
  const when = `${secondsOf(at)} UTC`;
  switch (how) {
    case 'call':
      return `${when}, ${printable(call ?? 'a call')} by ${who ?? 'somebody unknown'}`;
    case 'repair':
      return `${when}, written by the reconciler${who === undefined ? '' : `, after ${who} had changed it`}`;
    case 'found':
      return `before ${when}, when a read found it; no event reported who made it`;
    default:
      return how satisfies never;
  }
}

/** A trace for programs. */
export function traceJson({ address, table, subnet, now, made, planned }: Trace): string {
  return JSON.stringify({
    address: addressText(address),
    routeTableId: table.routeTableId,
    ...(table.vpcId !== undefined && { vpcId: table.vpcId }),
    ...(subnet && { subnetId: subnet.id, servedAs: subnet.as }),
    now: { ...pathJson(now), ...(made && { made }) },
    ...(planned && {
      after: {
        ...pathJson(planned.path),
        from: planned.from,
        changed: !planned.isSame,
        ...(planned.meanwhile && { meanwhile: pathJson(planned.meanwhile) }),
      },
    }),
  });
}

function pathJson({ winners, doubts }: Path): object {
  const routes = winners.map(({ route, block }) => ({
    destination: destinationText(route.destination),
    block: block.cidr,
    ...hopOf(route),
    origin: route.origin,
  }));
  const unread = doubts.map((route) => ({ destination: destinationText(route.destination), ...hopOf(route) }));
  const path =
    unread.length > 0 || leadingTo(winners).length > 1 ? 'unknown' : routes.length === 0 ? 'none' : pathOf(winners);
  return { path, routes, ...(unread.length > 0 && { unread }) };
}

/** `drops`: a blackhole wins. */
const pathOf = ([winner]: Path['winners']): 'forwards' | 'drops' | 'undocumented' =>
  winner?.route.state === 'active' ? 'forwards' : winner?.route.state === 'blackhole' ? 'drops' : 'undocumented';
