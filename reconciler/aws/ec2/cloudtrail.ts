import { z } from 'zod';
import { type Effect, ec2Calls, foundBy, isInOneVpc, vpcId } from './calls.ts';
import { destinationText, parseDestination, parseTarget, routeTableIdPattern } from '../../core/route/route.ts';
import type { Actor, ReportedCall, Subject } from '../../core/memory/call.ts';
import type { Call } from '../../wake.ts';

/** Free text is cut at this length: the caller chooses it, and it may be as long as an event. */
const textAtMost = 200;

const short = (text: string): string => text.slice(0, textAtMost);

/** No ARN of a caller is longer: a path of 512 characters, a role and a session of 64 each. */
const arnAtMost = 1_000;

/** A string. Any other value counts as absent. */
const text = z.string().optional().catch(undefined);
const arn = z
  .string()
  .transform((value) => value.slice(0, arnAtMost))
  .optional()
  .catch(undefined);
const shortText = z.string().transform(short).optional().catch(undefined);
const instant = z.iso.datetime();

/** The parts of a CloudTrail record that we read. Nearly all of them are optional and vary by caller. */
const recordShape = z.looseObject({
  eventSource: z.literal('ec2.amazonaws.com'),
  eventName: z.string().transform(short),
  eventTime: instant.optional().catch(undefined),
  eventID: shortText,
  errorCode: text,
  recipientAccountId: text,
  sourceIPAddress: shortText,
  userAgent: shortText,
  requestParameters: z.unknown().optional(),
  responseElements: z.unknown().optional(),
  userIdentity: z
    .looseObject({
      arn,
      invokedBy: shortText,
      type: text,
      accountId: text,
    })
    .optional()
    .catch(undefined),
});

/** If the record has no id or time, those of its envelope are used. */
const eventShape = z.looseObject({
  'detail-type': z.literal('AWS API Call via CloudTrail'),
  id: shortText,
  time: instant.optional().catch(undefined),
  detail: recordShape,
});

/**
 * Finds the route tables that an EC2 call concerns, from its EventBridge event. An event only decides which tables to
 * read. So this collects table ids and other ids by which the index may find tables, from anywhere in the request and
 * the response: newer calls wrap their parameters, and a list of one may be an object.
 *
 * Never throws. Returns undefined for an event of unknown shape or of another service or account, and for a call that
 * changed nothing or contains none of these ids.
 *
 * @param accountId the account whose tables are managed
 */
export function ec2Call(event: unknown, accountId: string): Call | undefined {
  const parsed = eventShape.safeParse(event);
  if (!parsed.success) return undefined;
  const { detail, ...envelope } = parsed.data;
  if (detail.recipientAccountId !== accountId || changedNothing(detail.errorCode)) return undefined;
  const effect = Object.hasOwn(ec2Calls, detail.eventName) ? ec2Calls[detail.eventName] : undefined;
  const asked = new Set(textsIn(detail.requestParameters));
  const texts = new Set([...asked, ...textsIn(detail.responseElements)]);
  const routeTableIds = [...texts].filter((text) => routeTableIdPattern.test(text));
  const pattern = effect && foundBy[effect];
  // The id of a new association is in the response: the index does not list it yet.
  const ids = pattern ? [...(effect === 'association' ? asked : texts)].filter((text) => pattern.test(text)) : [];
  if (routeTableIds.length + ids.length === 0) return undefined;
  const { eventID: id = envelope.id, eventTime: time = envelope.time } = detail;
  if (id === undefined || time === undefined) return undefined;
  const actor = actorOf(detail);
  const call = (via?: string): ReportedCall => ({
    id,
    name: detail.eventName,
    time,
    ...(actor && { actor }),
    ...(via && { via }),
    ...subjectOf(detail, { effect, asked, ids, via }),
  });
  const vpcs = isInOneVpc(detail.eventName) ? [...texts].filter((text) => vpcId.test(text)) : [];
  const within = vpcs.length > 0 && { within: vpcs };
  return { routeTableIds, call: call(), others: ids.map((id) => ({ id, call: call(id), ...within })) };
}

/** What a call does, and the ids in it. */
interface Naming {
  readonly effect: Effect | undefined;
  /** Every string in its request. */
  readonly asked: ReadonlySet<string>;
  /** The ids, other than table ids, by which the index may find tables. */
  readonly ids: readonly string[];
  readonly via: string | undefined;
}

/** What a call is about, for a table that was found by `via` or, without `via`, is named by the call. */
function subjectOf(
  { eventName, requestParameters }: z.output<typeof recordShape>,
  { effect, asked, ids, via }: Naming,
): Subject {
  if (effect === 'target-up' || effect === 'target-down') return { about: effect, ids: via ? [via] : ids };
  if (effect === 'route') {
    const destination = destinationOf(requestParameters);
    const target = destination && targetOf(requestParameters);
    return { about: 'route', ...(destination && { destination }), ...(target && { target }) };
  }
  const notice = effect && noticeOf(effect, asked, via);
  return notice ? { about: 'surroundings', notice: short(`${eventName}: ${notice}`) } : { about: 'table' };
}

/**
 * What a call did that no repair can undo, for a table that was found by `via` or, without `via`, is named by the call.
 */
function noticeOf(effect: Effect, asked: ReadonlySet<string>, via: string | undefined): string | undefined {
  const user = [...asked].find((text) => /^(subnet|igw|vgw|rs|ipv4pool-ec2|rtbassoc)-/.test(text));
  if (effect === 'association')
    return via ? `${via} no longer uses this table` : `${user ?? 'a subnet or gateway'} uses this table from now on`;
  if (effect === 'prefix-list' && via) return `the CIDR blocks behind ${via} may have changed`;
  if (effect === 'propagation')
    return `the routes that ${user ?? 'a gateway or route server'} propagates may have changed`;
  return undefined;
}

/** A rejected call changed nothing. A call that ended in a server fault may have changed something. */
const changedNothing = (errorCode: string | undefined): boolean =>
  errorCode !== undefined && !errorCode.startsWith('Server.');

/** Every string in a value, in its order there. */
const textsIn = (value: unknown): readonly string[] => membersIn(value).map(([, text]) => text);

/** Every string and boolean in a value, as text, with the name of its member. Does not recurse: the sender decides how deep the value is. */
function membersIn(value: unknown): readonly (readonly [name: string, text: string])[] {
  const members: [string, string][] = [];
  const left: [string, unknown][] = [['', value]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [name, member] = next;
    if (typeof member === 'string' || typeof member === 'boolean') members.push([name, String(member)]);
    else if (typeof member === 'object' && member !== null)
      for (const inner of Object.entries(member).toReversed()) left.push(inner);
  }
  return members;
}

function actorOf({ userIdentity, sourceIPAddress, userAgent }: z.output<typeof recordShape>): Actor | undefined {
  const arn = userIdentity?.arn ?? userIdentity?.invokedBy;
  if (!arn) return undefined;
  return {
    arn,
    ...(sourceIPAddress && { sourceIp: sourceIPAddress }),
    ...(userAgent && { userAgent }),
    ...(userIdentity?.invokedBy && { invokedBy: userIdentity.invokedBy }),
  };
}

/** The destination of a route call, in canonical form: CloudTrail reports it as the caller spelled it. */
function destinationOf(parameters: unknown): string | undefined {
  for (const [name, text] of membersIn(parameters)) {
    if (!/^destination(ipv6)?(cidrblock|prefixlistid)$/i.test(name)) continue;
    const parsed = parseDestination(text);
    if (parsed.ok) return destinationText(parsed.value);
  }
  return undefined;
}

/** The target of a route call: the one parameter that is the id of a possible target, or the local route. */
function targetOf(parameters: unknown): string | undefined {
  const members = membersIn(parameters);
  const isLocal = members.some(([name, text]) => /^localtarget$/i.test(name) && text === 'true');
  return isLocal ? 'local' : members.find(([, text]) => parseTarget(text).ok)?.[1];
}
