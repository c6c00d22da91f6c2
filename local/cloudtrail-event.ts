import { createHash } from 'node:crypto';
import { XMLParser } from 'fast-xml-parser';

/** Who makes a call: a role's session (a function) or an IAM user (a person). */
export interface Caller {
  readonly kind: 'role' | 'user';
  readonly name: string;
}

/** An EC2 call as sent over the wire, and the other facts that a trail records about it. */
export interface AnsweredCall {
  readonly caller: Caller;
  /** EC2's form-encoded parameters, `Action` among them. */
  readonly parameters: URLSearchParams;
  /** The answer, as XML. */
  readonly answer: { readonly status: number; readonly body: string };
  /** When EC2 answered. */
  readonly time: Date;
  readonly requestId: string;
  readonly eventId: string;
  readonly accountId: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly sourceIpAddress: string;
  readonly userAgent: string;
}

/**
 * The `detail` of the event that CloudTrail sends for an EC2 call.
 *
 * As on AWS, there are two forms. Most calls use lowerCamel names and write lists as `{ "items": […] }`. Newer calls
 * wrap their parameters, use PascalCase, and write a list of one element as that element.
 */
export function cloudTrailEvent(call: AnsweredCall): Record<string, unknown> {
  const { caller, parameters, answer, accountId } = call;
  const action = parameters.get('Action') ?? '';
  const form = wrapped.has(action) ? wrappedForm : classicForm;
  const failure = failureOf(answer);
  const eventTime = toSeconds(call.time);
  return {
    eventVersion: '1.11',
    userIdentity: userIdentity(caller, { accountId, accessKeyId: call.accessKeyId, since: eventTime }),
    eventTime,
    eventSource: 'ec2.amazonaws.com',
    eventName: action,
    awsRegion: call.region,
    sourceIPAddress: call.sourceIpAddress,
    userAgent: call.userAgent,
    ...(failure && { errorCode: failure.code, errorMessage: failure.message }),
    requestParameters: form.request(action, parameterTree(parameters)),
    responseElements: failure ? null : form.response(answer.body, call.requestId),
    requestID: call.requestId,
    eventID: call.eventId,
    readOnly: false,
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: accountId,
    eventCategory: 'Management',
  };
}

/** The caller's ARN in IAM. For a role, this is the ARN of the role, not of its session. */
export function callerArn({ kind, name }: Caller, accountId: string): string {
  return `arn:aws:iam::${accountId}:${kind}/${name}`;
}

interface Credentials {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly since: string;
}

function userIdentity(caller: Caller, { accountId, accessKeyId, since }: Credentials): Record<string, unknown> {
  const { kind, name } = caller;
  const id = createHash('sha256').update(name).digest('hex').slice(0, 17).toUpperCase();
  const arn = callerArn(caller, accountId);
  switch (kind) {
    case 'user':
      return { type: 'IAMUser', principalId: `AIDA${id}`, arn, accountId, accessKeyId, userName: name };
    case 'role':
      return {
        type: 'AssumedRole',
        principalId: `AROA${id}:${name}`,
        arn: `arn:aws:sts::${accountId}:assumed-role/${name}/${name}`,
        accountId,
        accessKeyId,
        sessionContext: {
          sessionIssuer: { type: 'Role', principalId: `AROA${id}`, arn, accountId, userName: name },
          webIdFederationData: {},
          attributes: { creationDate: since, mfaAuthenticated: 'false' },
        },
      };
    default:
      return kind satisfies never;
  }
}

// Calls of EC2's newer API family. Real trails confirm CreateNatGateway, DeleteNatGateway and ModifyManagedPrefixList;
// the others are inferred from their family.
const wrapped = new Set([
  'CreateNatGateway',
  'DeleteNatGateway',
  'CreateManagedPrefixList',
  'ModifyManagedPrefixList',
  'RestoreManagedPrefixListVersion',
  'DeleteManagedPrefixList',
  'CreateVpcEndpoint',
  'ModifyVpcEndpoint',
  'DeleteVpcEndpoints',
  'AcceptVpcEndpointConnections',
  'RejectVpcEndpointConnections',
  'CreateTransitGateway',
  'DeleteTransitGateway',
  'CreateTransitGatewayVpcAttachment',
  'AcceptTransitGatewayVpcAttachment',
  'ModifyTransitGatewayVpcAttachment',
  'RejectTransitGatewayVpcAttachment',
  'DeleteTransitGatewayVpcAttachment',
  'CreateLocalGatewayRouteTableVpcAssociation',
  'DeleteLocalGatewayRouteTableVpcAssociation',
  'CreateIpamPrefixListResolverTarget',
  'ModifyIpamPrefixListResolverTarget',
  'CreateEgressOnlyInternetGateway',
  'DeleteEgressOnlyInternetGateway',
  'CreateCarrierGateway',
  'DeleteCarrierGateway',
  'EnableRouteServerPropagation',
  'DisableRouteServerPropagation',
]);

type Tree = string | readonly Tree[] | { readonly [name: string]: Tree };

interface Form {
  request(action: string, parameters: Readonly<Record<string, Tree>>): unknown;
  response(body: string, requestId: string): unknown;
}

const classicForm: Form = {
  request: (_action, parameters) => classicMembers(parameters),
  response: (body, requestId) => {
    const [answer] = Object.values(parseXml(body, { listsOfOne: true }));
    return { ...members(logged(answer, { return: '_return', item: 'items' })), requestId };
  },
};

const wrappedForm: Form = {
  request: (action, parameters) => ({ [`${action}Request`]: wrappedMembers(parameters) }),
  response: (body, requestId) => {
    const [[name, answer] = ['', {}]] = Object.entries(parseXml(body, { listsOfOne: false }));
    return { [name]: { ...members(logged(answer, {})), xmlns: 'http://ec2.amazonaws.com/doc/2016-11-15/', requestId } };
  },
};

/** EC2's `Tag.1.Key=a&Tag.1.Value=b` as `{ Tag: [{ Key: 'a', Value: 'b' }] }`. */
function parameterTree(parameters: URLSearchParams): Readonly<Record<string, Tree>> {
  const root = new Map<string, Branch>();
  for (const [name, value] of parameters) {
    if (name === 'Action' || name === 'Version') continue;
    let level = root;
    const path = name.split('.');
    const last = path.pop() ?? '';
    for (const step of path) {
      const next = level.get(step);
      const branch = next instanceof Map ? next : new Map<string, Branch>();
      level.set(step, branch);
      level = branch;
    }
    level.set(last, value);
  }
  return Object.fromEntries([...root].map(([name, branch]) => [name, tree(branch)]));
}

type Branch = string | Map<string, Branch>;

function tree(branch: Branch): Tree {
  if (typeof branch === 'string') return branch;
  const entries = [...branch].map(([name, value]) => [name, tree(value)] as const);
  return entries.every(([name]) => /^\d+$/.test(name))
    ? entries.map(([, value]) => value)
    : Object.fromEntries(entries);
}

function classicMembers(parameters: Readonly<Record<string, Tree>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => {
      const camel = lowerCamel(name);
      if (!isList(value)) return [camel, classic(value)];
      // CloudTrail logs `InstanceId.1` as `instancesSet` and `Tag.1.Key` as `tagSet`.
      const items = value.map((item) => (typeof item === 'string' ? { [camel]: typed(item) } : classic(item)));
      return [listNames[name] ?? `${camel}Set`, { items }];
    }),
  );
}

const listNames: Readonly<Record<string, string>> = { InstanceId: 'instancesSet', ResourceId: 'resourcesSet' };

function classic(value: Tree): unknown {
  if (typeof value === 'string') return typed(value);
  return isList(value) ? value.map(classic) : classicMembers(value);
}

function wrappedMembers(parameters: Readonly<Record<string, Tree>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, inWrapped(value)]));
}

function inWrapped(value: Tree): unknown {
  if (typeof value === 'string') return typed(value);
  if (!isList(value)) return wrappedMembers(value);
  const items = value.map((item, index) => {
    const tag = index + 1;
    if (typeof item === 'string') return { tag, content: item };
    return isList(item) ? { tag, content: inWrapped(item) } : { ...wrappedMembers(item), tag };
  });
  return items.length === 1 ? items[0] : items;
}

function isList(value: Tree): value is readonly Tree[] {
  return Array.isArray(value);
}

function parseXml(body: string, { listsOfOne }: { readonly listsOfOne: boolean }): Record<string, unknown> {
  const parser = new XMLParser({
    ignoreAttributes: true,
    ignoreDeclaration: true,
    parseTagValue: false,
    isArray: (name) => listsOfOne && name === 'item',
  });
  return members(parser.parse(body));
}

/** An answer's elements as CloudTrail logs them: with types, an empty element as `{}`, and some of them renamed. */
function logged(element: unknown, names: Readonly<Record<string, string>>): unknown {
  if (typeof element === 'string') return element === '' ? {} : typed(element);
  if (Array.isArray(element)) return element.map((item) => logged(item, names));
  return Object.fromEntries(
    Object.entries(members(element)).map(([name, value]) => [names[name] ?? name, logged(value, names)]),
  );
}

function failureOf(answer: AnsweredCall['answer']): { readonly code: string; readonly message: unknown } | undefined {
  if (answer.status < 400) return undefined;
  const { Response } = parseXml(answer.body, { listsOfOne: false });
  const { Code: code = 'InternalError', Message: message } = members(members(members(Response)['Errors'])['Error']);
  // Throttling is a client fault, although EC2 answers it with a 503.
  const fault = answer.status >= 500 && code !== 'RequestLimitExceeded' ? 'Server' : 'Client';
  return { code: `${fault}.${String(code)}`, message };
}

function members(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function typed(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  // At most nine digits, so that account ids stay text.
  return /^(0|[1-9]\d{0,8})$/.test(text) ? Number(text) : text;
}

function lowerCamel(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function toSeconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
