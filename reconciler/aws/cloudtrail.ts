import { z } from 'zod';
import { type Effect, ec2Calls, foundBy, isInOneVpc, vpcId } from './ec2-calls.ts';
import { destinationText, parseDestination, parseTarget, routeTableIdPattern } from '../core/route.ts';
import type { Actor, Trigger } from '../core/trigger.ts';
import type { OtherId } from '../concerned.ts';

/** A text, or nothing: whatever else stands there is not ours to judge. */
const text = z.string().optional().catch(undefined);

/** What this project reads of a CloudTrail record; nearly everything in it is optional and varies by caller. */
const recordShape = z.looseObject({
  eventSource: z.literal('ec2.amazonaws.com'),
  eventName: z.string(),
  eventTime: text,
  eventID: text,
  errorCode: text,
  recipientAccountId: text,
  sourceIPAddress: text,
  userAgent: text,
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

const eventShape = z.looseObject({
  'detail-type': z.literal('AWS API Call via CloudTrail'),
  detail: recordShape,
});

/** Which route tables an API call concerns, and what a reconcile of them should know of it. */
export interface Ec2Call {
  /** The tables it names. */
  readonly routeTableIds: readonly string[];
  readonly trigger: Trigger;
  /** Other ids it names, under which an index may know tables. */
  readonly others: readonly OtherId[];
}

/**
 * Reads an EventBridge event of an EC2 call. Events only say where to look, so all that matters is which tables the call
 * names, and which ids that tables may be known by, anywhere in its request or answer: newer calls wrap their parameters,
 * and a list of one may be an object.
 *
 * Total: an event of unknown shape, of another service or account, of a call that changed nothing or names nothing we
 * look for gives undefined.
 *
 * @param accountId the account whose tables are managed
 */
export function ec2Call(event: unknown, accountId: string): Ec2Call | undefined {
  const parsed = eventShape.safeParse(event);
  if (!parsed.success) return undefined;
  const { detail } = parsed.data;
  if (detail.recipientAccountId !== accountId || changedNothing(detail.errorCode)) return undefined;
  const effect = Object.hasOwn(ec2Calls, detail.eventName) ? ec2Calls[detail.eventName] : undefined;
  const asked = new Set(textsIn(detail.requestParameters));
  const texts = new Set([...asked, ...textsIn(detail.responseElements)]);
  const routeTableIds = [...texts].filter((text) => routeTableIdPattern.test(text));
  const pattern = effect && foundBy[effect];
  // A new association is told in the answer: nobody knows it yet.
  const ids = pattern ? [...(effect === 'association' ? asked : texts)].filter((text) => pattern.test(text)) : [];
  if (routeTableIds.length + ids.length === 0) return undefined;
  const trigger = triggerOf(detail);
  const noticed = (via?: string): Trigger => {
    const notice = effect && noticeOf(effect, asked, via);
    const cameUp = effect === 'target-up' && { cameUp: via ? [via] : ids };
    return { ...trigger, ...cameUp, ...(via && { via }), ...(notice && { notice: `${detail.eventName}: ${notice}` }) };
  };
  const vpcs = isInOneVpc(detail.eventName) ? [...texts].filter((text) => vpcId.test(text)) : [];
  const within = vpcs.length > 0 && { within: vpcs };
  return { routeTableIds, trigger: noticed(), others: ids.map((id) => ({ id, trigger: noticed(id), ...within })) };
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

function triggerOf(detail: z.output<typeof recordShape>): Trigger {
  const actor = actorOf(detail);
  const destination = destinationOf(detail.requestParameters);
  const target = destination && targetOf(detail.requestParameters);
  return {
    kind: 'event',
    ...(detail.eventID && { id: detail.eventID }),
    name: detail.eventName,
    ...(detail.eventTime && { time: detail.eventTime }),
    ...(actor && { actor }),
    ...(destination && { destination }),
    ...(target && { target }),
  };
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
