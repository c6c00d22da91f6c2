import { inspect } from 'node:util';
import type { Failure } from '../../apply.ts';
import type { FailureKind } from '../../core/route/outcome.ts';

/** How to handle one error code, and what a person can do about it. */
interface Rule {
  /** In lower case. A leading `*` matches every code with this ending. */
  readonly code: string;
  /** What the message says, in lower case, where one code has several meanings. */
  readonly message?: RegExp;
  readonly kind: FailureKind;
  readonly remedy?: string;
  /** The service may have carried out the call in spite of this error. */
  readonly outcomeUnknown?: true;
}

/** EC2's request bucket is empty. The call was not carried out. */
const throttles = [
  'requestlimitexceeded',
  'throttling',
  'throttlingexception',
  'requestthrottled',
  'requestthrottledexception',
  'ec2throttledexception',
];

/** Whether EC2 throttled a call. */
export const isThrottled = (error: unknown): boolean =>
  error instanceof Error && throttles.includes(error.name.toLowerCase());

const notYetThere =
  'the target does not exist, is not attached to this VPC, or is not visible yet: create or attach it, or list another target';
const wrongHere = 'EC2 does not allow this route in this table: change its destination or target in the item';
const noAccess =
  "the reconciler's role may not write this table: check its policy, the table's tag, SCPs and VPC endpoint policies; in a shared VPC, only the owner of a table can change it";

/**
 * What the error codes of CreateRoute, ReplaceRoute and DeleteRoute mean. The first matching rule applies. EC2 does not
 * model its errors, so the codes are plain strings. Their spelling varies (`…TableID.NotFound`, `…TableId.NotFound`),
 * so they are compared in lower case.
 *
 * Sources: EC2 API Reference, error codes; messages as observed by widely used tools.
 */
const rules: readonly Rule[] = [
  // The table has changed since the read: read it again and compare.
  { code: 'routealreadyexists', kind: 'stale' },
  { code: 'invalidroute.notfound', kind: 'stale' },
  { code: 'invalidparametervalue', message: /there is no route defined for/, kind: 'stale' },

  // Retry later. Throttled calls were not carried out. After a server fault the outcome is unknown.
  ...throttles.map((code): Rule => ({ code, kind: 'transient' })),
  { code: 'bandwidthlimitexceeded', kind: 'transient' },
  { code: 'requestexpired', kind: 'transient' },
  { code: 'invalidparameterexception', kind: 'transient' },
  { code: 'internalerror', kind: 'transient', outcomeUnknown: true },
  { code: 'internalfailure', kind: 'transient', outcomeUnknown: true },
  { code: 'serverinternal', kind: 'transient', outcomeUnknown: true },
  { code: 'unavailable', kind: 'transient', outcomeUnknown: true },
  { code: 'serviceunavailable', kind: 'transient', outcomeUnknown: true },

  // The target or the table is not there yet, or is changing its state.
  { code: 'incorrectstate', kind: 'not-ready', remedy: notYetThere },
  { code: 'invalidstate', kind: 'not-ready', remedy: notYetThere },
  { code: 'resourcenotready', kind: 'not-ready', remedy: notYetThere },
  { code: 'invalidvpngatewaystate', kind: 'not-ready', remedy: notYetThere },
  { code: 'gateway.notattached', kind: 'not-ready', remedy: 'the gateway is not attached to this VPC: attach it' },
  {
    // EC2 answers this also for an internet gateway that is not attached, or was attached a moment ago.
    code: 'invalidparametervalue',
    message: /igw-.* belong to different networks/,
    kind: 'not-ready',
    remedy: 'attach the internet gateway to the VPC of this table, or list the one that is attached',
  },
  {
    code: 'invalidtransitgatewayid.notfound',
    kind: 'not-ready',
    remedy:
      'the transit gateway does not exist or this VPC has no available attachment to it: attach the VPC, or list another target',
  },

  // Stop writing to this table: every call fails until an operator acts.
  { code: 'unauthorizedoperation', kind: 'denied', remedy: noAccess },
  { code: 'authfailure', kind: 'denied', remedy: noAccess },
  { code: 'accessdenied', kind: 'denied', remedy: noAccess },
  { code: 'accessdeniedexception', kind: 'denied', remedy: noAccess },
  { code: 'expiredtoken', kind: 'denied', remedy: 'the credentials have expired: renew them' },
  { code: 'expiredtokenexception', kind: 'denied', remedy: 'the credentials have expired: renew them' },
  { code: 'invalidclienttokenid', kind: 'denied', remedy: 'the credentials are not valid here: check them' },
  { code: 'credentialsprovidererror', kind: 'denied', remedy: 'no credentials were found: configure them' },
  { code: 'optinrequired', kind: 'denied', remedy: 'the account is not opted in to this Region' },
  { code: 'blocked', kind: 'denied', remedy: 'the account is blocked: ask AWS Support' },
  { code: 'pendingverification', kind: 'denied', remedy: 'the account is being verified: wait, or ask AWS Support' },

  // A person must change something about this one route.
  {
    code: 'routelimitexceeded',
    kind: 'rejected',
    remedy:
      'the table is full: delete or list fewer routes (a prefix list counts its maximum number of entries), or raise the quota "Routes per route table" (L-93826ACB)',
  },
  {
    code: 'invalidinstanceid',
    kind: 'rejected',
    remedy: 'the instance has no network interface, or more than one: list a network interface (eni-…) as the target',
  },
  {
    code: 'routenotsupported',
    kind: 'rejected',
    remedy: 'the endpoint is not a Gateway Load Balancer endpoint: list one that is',
  },
  {
    code: 'invalidparametervalue',
    message: /doesn't match any subnet cidr/,
    kind: 'rejected',
    remedy:
      'a destination inside the VPC must be the whole CIDR block of a subnet: create the subnet, or change the destination',
  },
  {
    code: 'invalidparametervalue',
    message: /belong to different networks/,
    kind: 'rejected',
    remedy: "the target is not in the table's VPC: list a target in that VPC",
  },
  {
    code: 'invalidparametervalue',
    message: /cannot remove local route/,
    kind: 'rejected',
    remedy: 'this is a local route and cannot be deleted: list it with target local to reset it',
  },
  {
    code: 'operationnotpermitted',
    kind: 'rejected',
    remedy:
      'EC2 does not permit this change, often because a service maintains the route: add the route to ignore in the item',
  },
  {
    code: 'invalidroutetableid.notfound',
    kind: 'not-ready',
    remedy:
      'the route table does not exist, or was created a moment ago: delete the item if the table is gone for good',
  },
  { code: '*.notfound', kind: 'not-ready', remedy: notYetThere },
  { code: '*notfound', kind: 'not-ready', remedy: notYetThere },
  { code: '*.malformed', kind: 'rejected', remedy: wrongHere },
];

const matches = (rule: Rule, code: string, message: string): boolean =>
  (rule.code.startsWith('*') ? code.endsWith(rule.code.slice(1)) : code === rule.code) &&
  (rule.message === undefined || rule.message.test(message));

/** At most this many characters of a message are kept: EC2 adds more than 1,000 of code to a denial. */
const messageAtMost = 1_000;

/**
 * Classifies an error. Accepts codes as EC2 and as CloudTrail (`Client.…`, `Server.…`) spell them.
 *
 * Total. An unknown code is `rejected` and keeps its message, so that people see it. A fault of the service or the
 * network is `transient`, with an unknown outcome.
 */
export function failureOf(error: unknown): Failure {
  const { name: rawCode, message: whole } =
    error instanceof Error ? error : { name: 'Unknown', message: inspect(error) };
  const message = whole.slice(0, messageAtMost);
  const code = rawCode.replace(/^(Client|Server)\./, '');
  const rule = rules.find((rule) => matches(rule, code.toLowerCase(), message.toLowerCase()));
  if (rule) {
    const { kind, remedy, outcomeUnknown } = rule;
    return { kind, code, message, outcomeUnknown: outcomeUnknown ?? false, ...(remedy && { remedy }) };
  }
  const status = statusOf(error);
  // No answer, a broken connection or a service fault: the outcome is unknown.
  if (status === undefined || status < 400 || status >= 500) {
    return { kind: 'transient', code, message, outcomeUnknown: true };
  }
  if (status === 429) return { kind: 'transient', code, message, outcomeUnknown: false };
  if (status === 401 || status === 403)
    return { kind: 'denied', code, message, outcomeUnknown: false, remedy: noAccess };
  return { kind: 'rejected', code, message, outcomeUnknown: false, remedy: wrongHere };
}

function statusOf(error: unknown): number | undefined {
  const metadata: unknown = error instanceof Error && '$metadata' in error ? error.$metadata : undefined;
  const status: unknown =
    typeof metadata === 'object' && metadata !== null && 'httpStatusCode' in metadata
      ? metadata.httpStatusCode
      : undefined;
  return typeof status === 'number' ? status : undefined;
}
