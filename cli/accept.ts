import { isDeepStrictEqual } from 'node:util';
import { Document, Scalar, visit } from 'yaml';
import { z } from 'zod';
import { accepted, type Accepted } from '../reconciler/core/desired/accepted.ts';
import { parseDesired } from '../reconciler/core/desired/desired.ts';
import { itemChanges } from '../reconciler/core/desired/item-changes.ts';
import { desiredItemSchema } from '../reconciler/core/desired/schema.ts';
import { slotsOf } from '../reconciler/core/plan/slots.ts';
import { type ActualTable, type StaticRoute, targetNames } from '../reconciler/core/route/route.ts';
import { noSuchTable } from './actual-tables.ts';
import { agreed } from './consent.ts';
import { readSituations } from './deployed-plans.ts';
import { type Deployment, type DeploymentOptions, deployment, reaching } from './deployment.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { Failure } from './failure.ts';
import { destinationChecked } from './hold.ts';
import { itemChangesText } from './item-text.ts';
import { idsChecked } from './pause.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

export interface AcceptOptions extends DeploymentOptions {
  /** Print what to change in a file, and write nothing. */
  readonly patch?: boolean;
  readonly yes?: boolean;
}

const asWritten = z.looseObject({});

/** `routectl accept`: takes the route that EC2 has at one destination into the item, if nobody has changed the item. */
export async function accept(
  given: string,
  text: string,
  options: AcceptOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const [routeTableId = given] = idsChecked([given]);
  const destination = destinationChecked(text);
  const open = await deployment(options, terminal);
  const found = await find(routeTableId, destination, open, terminal);
  const { print, note, look } = terminal;
  if (!found) {
    if (options.json) print(JSON.stringify({ routeTableId, destination, accepted: false }));
    else print(`Nothing to accept: the item of ${routeTableId} asks for what EC2 has at ${destination}.`);
    return exitCode.ok;
  }
  const { before, item, edit } = found;
  const change = { ...(edit.before && { before: edit.before }), ...(edit.after && { after: edit.after }) };
  if (options.patch) {
    if (options.json) print(JSON.stringify({ routeTableId, destination, accepted: false, ...change }));
    else print(patchOf(routeTableId, change));
    return exitCode.ok;
  }
  const stored = desiredItemSchema.parse(before);
  note(`${routeTableId}  item:`);
  note(`${itemChangesText(itemChanges(stored, desiredItemSchema.parse(item)), look).join('\n')}\n`);
  if (!(options.yes || (await agreed(`Write the item of ${routeTableId}?`)))) throw new Failure('nothing was written');
  const { desiredWriter } = await import('../reconciler/aws/dynamodb/desired-writer.ts');
  const isWritten = await reaching('write the item', open, () =>
    desiredWriter(open.documents, open.desiredTable).put(item, before),
  );
  if (!isWritten)
    throw new Failure(
      `somebody changed the item of ${routeTableId} since it was shown: nothing was written; run the command again`,
    );
  if (options.json) print(JSON.stringify({ routeTableId, destination, accepted: true, ...change }));
  else print(`Accepted: the item of ${routeTableId} asks for what EC2 has at ${destination}.`);
  note('If a file or a pipeline keeps this item, change it there, too: --patch shows how.');
  return exitCode.ok;
}

interface Found {
  /** The item as stored, and as it would be written. */
  readonly before: unknown;
  readonly item: Readonly<Record<string, unknown>>;
  readonly edit: Accepted;
}

/**
 * @returns undefined if the item asks for what EC2 has
 * @throws Failure if it cannot be accepted
 */
async function find(
  routeTableId: string,
  destination: string,
  open: Deployment,
  terminal: Terminal,
): Promise<Found | undefined> {
  const { of, actual: tables } = await readSituations([routeTableId], open, terminal);
  const before = of.get(routeTableId)?.item;
  if (before === undefined)
    throw new Failure(
      `${routeTableId} has no desired item in ${open.desiredTable}: adopt it with routectl import and apply`,
    );
  const stored = desiredItemSchema.safeParse(before);
  if (!stored.success) throw new Failure(`the stored item of ${routeTableId} is invalid: correct it first`);
  const actual = tables.get(routeTableId);
  if (!actual) throw noSuchTable(routeTableId);
  const route = staticRouteAt(destination, actual);
  if (route && (route.target.kind === 'lattice' || route.target.kind === 'unknown' || isOfEndpoint(route)))
    throw new Failure(
      `${destination} cannot be accepted: a service keeps this route, and the item leaves it alone anyway`,
    );
  const edit = accepted(stored.data.routes, destination, route);
  const isLocal = route?.target.kind === 'local' && !edit?.before;
  if (!edit || isLocal || (edit.before && route && targetNames(route).includes(edit.before.target))) return undefined;
  const item = { ...asWritten.parse(before), routes: edit.routes };
  const parsed = parseDesired(item, new Date());
  const problem = parsed.ok ? undefined : parsed.problems[0];
  if (problem)
    throw new Failure(
      `${destination} cannot be accepted: with it the item would be invalid: ${problem.path}: ${problem.message}`,
    );
  return isDeepStrictEqual(item, before) ? undefined : { before, item, edit };
}

const staticRouteAt = (destination: string, { routes }: ActualTable): StaticRoute | undefined =>
  slotsOf(routes).static.get(destination);

/** A gateway endpoint keeps its own routes. */
const isOfEndpoint = ({ destination, target }: StaticRoute): boolean =>
  destination.kind === 'prefix-list' && target.kind === 'vpc-endpoint';

/** What to change in the list `routes` of a file, as one YAML document. A route that is not there has no line. */
function patchOf(routeTableId: string, { before, after }: Pick<Accepted, 'before' | 'after'>): string {
  const document = new Document({ routeTableId, ...(before && { before }), ...(after && { after }) });
  document.commentBefore = ' What to change in the routes of this table: before is in the item, after is in EC2';
  visit(document, {
    Map: (_, node) => void (node.flow = node !== document.contents),
    // Only in quotes can a control character be written as an escape.
    Scalar: (_, node) => void (isPrintable(node.value) || (node.type = Scalar.QUOTE_DOUBLE)),
  });
  return document.toString({ lineWidth: 0 }).trimEnd().split('\n').map(inYaml).join('\n');
}

const isPrintable = (value: unknown): boolean => typeof value !== 'string' || printable(value) === value;

/** Escapes control characters as YAML does. */
const inYaml = (line: string): string =>
  line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\U${code.padStart(8, '0')}` : `\\u${code.padStart(4, '0')}`;
  });
