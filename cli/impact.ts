import { type Impact, type PathChange, impactOf } from '../reconciler/core/route/impact.ts';
import { type Hop, type PrefixListEntries, claimsOf } from '../reconciler/core/route/path.ts';
import type { RefusedInput } from './desired-input.ts';
import type { Look } from './layout.ts';
import { printable } from './printable.ts';
import { hopText, noPrefixLists, prefixListsIn, routesAround } from './paths.ts';
import type { Planned } from './planned.ts';
import type { Terminal } from './terminal.ts';

/** What plans change for traffic. A plan of a table that does not exist has no impact. */
export type Impacts = ReadonlyMap<Planned, Impact>;

/** Nobody asked for it. */
export const noImpacts: Impacts = new Map();

/**
 * The impact of each plan. Each prefix list is read once.
 *
 * @param isOffline nothing is read, so no prefix list is known
 */
export async function impactsOf(
  results: readonly (Planned | RefusedInput)[],
  isOffline: boolean,
  terminal: Pick<Terminal, 'note'>,
): Promise<Impacts> {
  const around = results.flatMap((result) =>
    'plan' in result && result.actual ? [[result, routesAround(result.actual.routes, result.plan)] as const] : [],
  );
  const routes = around.flatMap(([, { before, after }]) => [...before, ...after]);
  const lists: PrefixListEntries = isOffline ? noPrefixLists : await prefixListsIn(routes, terminal);
  return new Map(
    around.map(([planned, { before, meanwhile, after }]) => {
      const [from, soon, to] = [claimsOf(before, lists), claimsOf(meanwhile, lists), claimsOf(after, lists)];
      return [planned, impactOf(from, soon, to)];
    }),
  );
}

/** A path in words. */
export const hopsText = (hops: readonly Hop[]): string => hops.map(hopText).join(' or ') || 'no route';

/** A block can have hundreds of exceptions, so only the first few are shown. */
const shownExceptions = 3;

/** The addresses of a change in words. */
export function areaText({ block, except }: PathChange): string {
  if (except.length === 0) return block.cidr;
  const more = except.length - shownExceptions;
  const shown = except.slice(0, shownExceptions).map(({ cidr }) => cidr);
  return `${block.cidr} except ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** The paths of a change: before, until the deletes that wait are approved if that is another one, and after. */
export function pathsOf({ before, meanwhile, after }: PathChange): readonly string[] {
  const [was, will] = [hopsText(before), hopsText(after)];
  const soon = meanwhile && hopsText(meanwhile);
  return soon === undefined || soon === was ? [was, will] : [was, soon, will];
}

/** What the last of these paths waits for. */
export const waitText = (change: PathChange): string =>
  change.meanwhile === undefined ? '' : pathsOf(change).length === 2 ? 'held back' : 'the last one held back';

/** The impact as rows of a plan. */
export function impactRows({ changes, unread }: Impact, { paint }: Look): string[][] {
  const arrow = paint('dim', '→');
  const rows = [
    ...changes.map((change) => {
      const { after } = change;
      const isLost = after.length === 0 || after.some(({ state }) => state === 'blackhole');
      const [ends, why] = [pathsOf(change), waitText(change)];
      const shown = ends.map((text, index) => (isLost && index === ends.length - 1 ? paint('red', text) : text));
      return [areaText(change), `${shown.join(` ${arrow} `)}${why === '' ? '' : `  ${paint('magenta', why)}`}`];
    }),
    ...unread.map(({ destination, before, after }) => {
      const [was, will] = [before, after].map((hop) => hopsText(hop ? [hop] : []));
      const way = was === will ? `${was}, as before` : `${was} ${arrow} ${will}`;
      return [printable(destination), `${way}; ${paint('yellow', 'its addresses could not be read')}`];
    }),
  ];
  const none = [['no address changes its path', '']];
  return (rows.length > 0 ? rows : none).map((row, index) => [index === 0 ? paint('dim', 'impact') : '', ...row]);
}

/** The impact for programs. */
export const impactJson = ({ changes, unread }: Impact): object => ({
  changes: changes.map(({ block, except, before, meanwhile, after }) => ({
    block: block.cidr,
    except: except.map(({ cidr }) => cidr),
    before,
    ...(meanwhile && { meanwhile }),
    after,
  })),
  unread,
});
