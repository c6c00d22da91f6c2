import { z } from 'zod';
import { type Effect, ec2Calls, foundBy, isInOneVpc, vpcId } from './calls.ts';
import { destinationText, parseDestination, parseTarget, routeTableIdPattern } from '../../core/route/route.ts';
import type { Actor, ReportedCall, Subject } from '../../core/memory/call.ts';
import type { Call } from '../../wake.ts';

/** Free text is kept up to this length: it is the caller's, and may be as long as an event. */
const textAtMost = 200;

const short = (text: string): string => text.slice(0, textAtMost);

/** A text, or nothing: whatever else stands there is not ours to judge. */
const text = z.string().optional().catch(undefined);
const shortText = z.string().transform(short).optional().catch(undefined);
const instant = z.iso.datetime();

/** What this project reads of a CloudTrail record; nearly everything in it is optional and varies by caller. */
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
      arn: text,
      invokedBy: text,
      type: text,
      accountId: text,
    })
    .optional()
    .catch(undefined),
});

/** Where the record has no id or time, those of its envelope stand in. */
const eventShape = z.looseObject({
  'detail-type': z.literal('AWS API Call via CloudTrail'),
  id: shortText,
  time: instant.optional().catch(undefined),
  detail: recordShape,
});

/**
 * Which route tables an EC2 call concerns, by its EventBridge event. Events only say where to look, so all that matters is
 * which tables the call names, and which ids that tables may be known by, anywhere in its request or answer: newer calls
 * wrap their parameters, and a list of one may be an object.
 *
 * Total: an event of unknown shape, of another service or account, of a call that changed nothing or names nothing we
 * look for gives undefined.
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
  // A new association is told in the answer: nobody knows it yet.
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
  /** Every text in its request. */
  readonly asked: ReadonlySet<string>;
  /** The ids, other than those of tables, by which tables may be known. */
  readonly ids: readonly string[];
  readonly via: string | undefined;
}

/** What a call is about, for a table that was found under `via`, or is named by the call. */
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

/** What a call did to a table that is nothing to heal; the table was found under `via`, or is named by the call. */
function noticeOf(effect: Effect, asked: ReadonlySet<string>, via: string | undefined): string | undefined {
  const user = [...asked].find((text) => /^(subnet|igw|vgw|rtbassoc)-/.test(text)) ?? 'somebody';
  if (effect === 'association') return via ? `${via} no longer uses this table` : `${user} uses this table from now on`;
  if (effect === 'prefix-list' && via) return `the CIDR blocks behind ${via} may be others now`;
  if (effect === 'propagation') return `the routes that ${user} propagates may be others now`;
  return undefined;
}

/** A refused call changed nothing; one that ended in a server fault may have. */
const changedNothing = (errorCode: string | undefined): boolean =>
  errorCode !== undefined && !errorCode.startsWith('Server.');

/** Every text in a value, in the order it is told. */
const textsIn = (value: unknown): readonly string[] => membersIn(value).map(([, text]) => text);

/** The same, each with the name of the member that it is. Without recursion: how deep it is, is the sender's choice. */
function membersIn(value: unknown): readonly (readonly [name: string, text: string])[] {
  const members: [string, string][] = [];
  const left: [string, unknown][] = [['', value]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [name, member] = next;
    if (typeof member === 'string') members.push([name, member]);
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

/** The destination of a route call, in canonical form: CloudTrail tells it as the caller spelled it. */
function destinationOf(parameters: unknown): string | undefined {
  for (const [name, text] of membersIn(parameters)) {
    if (!/^destination(ipv6)?(cidrblock|prefixlistid)$/i.test(name)) continue;
    const parsed = parseDestination(text);
    if (parsed.ok) return destinationText(parsed.value);
  }
  return undefined;
}

/** The target of a route call: the one parameter that is an id of something a route can go through. */
const targetOf = (parameters: unknown): string | undefined => textsIn(parameters).find((text) => parseTarget(text).ok);
