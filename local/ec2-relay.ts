import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Blackholes } from './blackholes.ts';
import { EarlierTables } from './earlier-tables.ts';
import { type Answer, missingRead } from './missing-reads.ts';
import { missingTarget } from './missing-targets.ts';
import { callerArn, cloudTrailEvent, type Caller } from './cloudtrail-event.ts';
import { describeInterfaces, interfacesIn, withAttachments } from './interfaces.ts';
import { inRouteStates } from './route-states.ts';
import { type InstanceState, instanceStatesAfter } from './instance-states.ts';
import {
  controlPath,
  relayCommand,
  type EventMode,
  type Fault,
  type RelayCommand,
  type RelayedCall,
} from './relay-control.ts';

export interface RelayOptions {
  /** The EC2 endpoint that receives the forwarded calls. */
  readonly upstream: string;
  readonly accountId: string;
  readonly region: string;
  /** Whether IAM allows a role's call. Users of the local stack may do anything, so only roles are checked. */
  readonly allows: (role: Caller, action: string, resource: string) => Promise<boolean>;
  /** Puts an event on the bus. */
  readonly publish: (event: RelayedEvent) => Promise<void>;
  /** Takes one line about each call. */
  readonly log: (line: string) => void;
  /** Called when somebody asks the relay to stop (`RelayControl.stop`). */
  readonly onStop?: () => void;
}

/** An event of EC2: of CloudTrail about a call, or EC2's own about the state of an instance. */
export interface RelayedEvent {
  readonly detailType: 'AWS API Call via CloudTrail' | 'EC2 Instance State-change Notification';
  readonly detail: Record<string, unknown>;
  readonly time: Date;
}

/** The local stack's EC2 endpoint, listening. */
export interface Relay {
  /** The endpoint for EC2 clients. A call without a path counts as the IAM user `operator`. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** The endpoint that attributes calls to `caller`. */
export function endpointFor(endpoint: string, { kind, name }: Caller): string {
  return `${endpoint}/${kind}/${name}`;
}

interface Call {
  readonly action: string;
  readonly caller: Caller;
  readonly body: string;
  readonly parameters: URLSearchParams;
  readonly request: IncomingMessage;
}

const operator: Caller = { kind: 'user', name: 'operator' };

/**
 * Starts a relay in front of the EC2 emulator, which has neither CloudTrail nor IAM.
 *
 * The relay passes calls and answers through, corrects where moto deviates from EC2, and publishes a CloudTrail event for
 * every call that is not a read; as on AWS, this includes calls that EC2 rejects. It also reports the new states of
 * instances. An event may arrive before its caller
 * has read the answer, and events arrive in any order. The endpoint's path names the caller (`endpointFor`). A role's
 * calls need permission from IAM. Through `relayControl`, tests make calls fail and hold events back.
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const memory = new Memory(options.publish, options.log);

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://relay');
    if (pathname === controlPath) {
      obey(request, response, memory, options).catch((error: unknown) => response.writeHead(400).end(String(error)));
      return;
    }
    serve(request, pathname, memory, options)
      .catch((error: unknown) => {
        options.log(String(error));
        return refusal(500, 'InternalError', String(error));
      })
      .then((answer) => {
        if (answer === undefined) return response.destroy();
        return response.writeHead(answer.status, { 'content-type': 'text/xml;charset=UTF-8' }).end(answer.body);
      })
      .catch((error: unknown) => options.log(String(error)));
  });

  const port = await listen(server);
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  return { endpoint: `http://127.0.0.1:${port}`, close };
}

/** Carries out a command of the relay's control. A stop comes after its answer. */
async function obey(
  request: IncomingMessage,
  response: ServerResponse,
  memory: Memory,
  { onStop }: RelayOptions,
): Promise<void> {
  const command = relayCommand.parse(JSON.parse(await text(request)));
  if (command.do === 'stop') response.once('close', () => onStop?.());
  response.end(JSON.stringify(memory.obey(command)));
}

/** The answer to one call, or undefined if a fault loses the answer. */
async function serve(
  request: IncomingMessage,
  pathname: string,
  memory: Memory,
  options: RelayOptions,
): Promise<Answer | undefined> {
  const call = await readCall(request, pathname);
  const noteError = memory.remember(call);
  const fault = memory.faultFor(call);
  const started = performance.now();
  if (fault?.effect.kind === 'delay') await sleep(fault.effect.ms);

  const answer = await answerTo(call, fault, memory, options);
  const error = answer.status < 400 ? undefined : (/<Code>([^<]+)</.exec(answer.body)?.[1] ?? 'InternalError');
  if (error) noteError(error);
  if (!isRead(call.action)) {
    const detail = eventOf(call, answer, options);
    memory.happened({ detailType: 'AWS API Call via CloudTrail', detail, time: new Date() });
    if (!error) for (const state of instanceStatesAfter(call.action, answer.body)) memory.changed(state);
  }

  const outcome = [
    error ?? 'done',
    fault && `(${fault.effect.kind})`,
    `${(performance.now() - started).toFixed(0)} ms`,
  ];
  const values = [...call.parameters]
    .filter(([name]) => name !== 'Action' && name !== 'Version')
    .map(([, value]) => value);
  options.log([callerName(call.caller), call.action, ...values, '→', ...outcome].filter(Boolean).join(' '));
  return fault?.effect.kind === 'lose-answer' ? undefined : answer;
}

async function answerTo(call: Call, fault: Fault | undefined, memory: Memory, options: RelayOptions): Promise<Answer> {
  const { action, caller } = call;
  if (caller.kind === 'role') {
    const resource = resourceOf(call, options);
    if (!(await options.allows(caller, action, resource))) {
      return refusal(
        403,
        'UnauthorizedOperation',
        'You are not authorized to perform this operation. ' +
          `${callerArn(caller, options.accountId)} is not authorized to perform: ec2:${action} on resource: ${resource}`,
      );
    }
  }
  if (fault?.effect.kind === 'refuse') {
    const { code, message = `${code}, as injected`, status = 400 } = fault.effect;
    return refusal(status, code, message);
  }
  const list = (read: string): Promise<Answer> => {
    const parameters = new URLSearchParams({ Action: read, Version: call.parameters.get('Version') ?? '2016-11-15' });
    return sendTo(options.upstream, parameters.toString(), call.request);
  };
  const missing = await missingTarget(action, call.parameters, list);
  if (missing) return refusal(400, missing.code, missing.message);
  const answer = await forward(call, options.upstream);
  if (answer.status >= 400) return answer;
  memory.blackholes.heard(action, call.parameters);
  if (action !== 'DescribeRouteTables') return answer;
  const corrected = await asEc2Shows(answer, call, memory, options);
  const shown = { ...corrected, body: inRouteStates(corrected.body, call.parameters) };
  const { earlier } = memory;
  if (fault?.effect.kind === 'stale-answer')
    return { ...shown, body: earlier.shownIn(shown.body, callerName(caller), fault.on.naming) };
  earlier.answered(callerName(caller), shown.body);
  return shown;
}

/** The answer of DescribeRouteTables without moto's deviations from EC2. */
async function asEc2Shows(answer: Answer, call: Call, memory: Memory, { upstream }: RelayOptions): Promise<Answer> {
  const body = memory.blackholes.shownIn(answer.body);
  const ids = interfacesIn(body);
  if (ids.length === 0) return { ...answer, body };
  const interfaces = await sendTo(upstream, describeInterfaces(ids).toString(), call.request);
  if (interfaces.status >= 400) return interfaces;
  // Only now the routes name the instances behind their interfaces.
  return { ...answer, body: memory.blackholes.shownIn(withAttachments(body, interfaces.body)) };
}

/** What moto answers, completed where moto cannot answer. */
async function forward({ action, body, parameters, request }: Call, upstream: string): Promise<Answer> {
  const send = (others: URLSearchParams): Promise<Answer> => sendTo(upstream, others.toString(), request);
  return missingRead(action, parameters, send) ?? sendTo(upstream, body, request);
}

async function sendTo(upstream: string, body: string, request: IncomingMessage): Promise<Answer> {
  const { authorization = '', 'user-agent': userAgent = '' } = request.headers;
  const response = await fetch(upstream, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      authorization,
      'user-agent': userAgent,
    },
    body,
  });
  const answer = await response.text();
  // moto answers unknown calls and its own faults with an HTML page, which no EC2 client can parse.
  if (!answer.startsWith('<?xml')) return refusal(500, 'InternalError', `moto failed: ${response.statusText}`);
  return { status: response.status, body: answer };
}

function eventOf(call: Call, answer: Answer, { accountId, region }: RelayOptions): Record<string, unknown> {
  const { authorization = '', 'user-agent': userAgent = '' } = call.request.headers;
  const [, accessKeyId = '', regionCalled = region] = /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(authorization) ?? [];
  return cloudTrailEvent({
    caller: call.caller,
    parameters: call.parameters,
    answer,
    time: new Date(),
    requestId: randomUUID(),
    eventId: randomUUID(),
    accountId,
    region: regionCalled,
    accessKeyId,
    sourceIpAddress: call.request.socket.remoteAddress ?? '127.0.0.1',
    userAgent,
  });
}

async function readCall(request: IncomingMessage, pathname: string): Promise<Call> {
  const query = new URL(request.url ?? '/', 'http://relay').search.slice(1);
  const body = (await text(request)) || query;
  const parameters = new URLSearchParams(body);
  const [, kind, name] = /^\/(role|user)\/([^/]+)\/?$/.exec(pathname) ?? [];
  const caller: Caller =
    (kind === 'role' || kind === 'user') && name ? { kind, name: decodeURIComponent(name) } : operator;
  return { action: parameters.get('Action') ?? '', caller, body, parameters, request };
}

/** The relay's state between calls. */
class Memory {
  readonly blackholes = new Blackholes();
  readonly earlier = new EarlierTables();
  #calls: RelayedCall[] = [];
  #faults: { readonly fault: Fault; met: number }[] = [];
  #mode: EventMode = 'send';
  #held: (() => void)[] = [];
  readonly #publish: RelayOptions['publish'];
  readonly #log: RelayOptions['log'];

  constructor(publish: RelayOptions['publish'], log: RelayOptions['log']) {
    this.#publish = publish;
    this.#log = log;
  }

  /** Records a call. Returns a function that adds the error code of its answer. */
  remember({ action, caller, parameters }: Call): (error: string) => void {
    const seen: RelayedCall = {
      action,
      caller: callerName(caller),
      parameters: Object.fromEntries(parameters),
      time: new Date().toISOString(),
    };
    this.#calls.push(seen);
    return (error) => {
      seen.error = error;
    };
  }

  faultFor(call: Call): Fault | undefined {
    const values = new Set(call.parameters.values());
    for (const entry of this.#faults) {
      const { on, after = 0, times = 1 } = entry.fault;
      if (on.action !== undefined && on.action !== call.action) continue;
      if (on.caller !== undefined && on.caller !== callerName(call.caller)) continue;
      if (on.naming?.some((value) => !values.has(value))) continue;
      entry.met += 1;
      if (entry.met > after && entry.met <= after + times) return entry.fault;
    }
    return undefined;
  }

  /** An instance has a new state, whether or not a call caused it. */
  changed({ instanceId, state }: InstanceState): void {
    this.blackholes.instance(instanceId, state);
    const detail = { 'instance-id': instanceId, state };
    this.happened({ detailType: 'EC2 Instance State-change Notification', detail, time: new Date() });
  }

  happened(event: RelayedEvent): void {
    const send = () => {
      this.#publish(event).catch((error: unknown) => this.#log(`event not sent: ${String(error)}`));
    };
    if (this.#mode === 'send') send();
    else if (this.#mode === 'hold') this.#held.push(send);
  }

  /** Carries out a command. Returns the calls recorded before it. */
  obey(command: RelayCommand): readonly RelayedCall[] {
    const calls = this.#calls;
    switch (command.do) {
      case 'report':
      case 'stop':
        break;
      case 'forget-calls':
        this.#calls = [];
        break;
      case 'events':
        this.#mode = command.mode;
        if (command.mode === 'send') for (const send of this.#held) send();
        if (command.mode !== 'hold') this.#held = [];
        break;
      case 'change-instance':
        this.changed(command);
        break;
      case 'inject':
        this.#faults.push({ fault: command.fault, met: 0 });
        break;
      case 'reset':
        this.#calls = [];
        this.#faults = [];
        this.#held = [];
        this.#mode = 'send';
        break;
      default:
        command satisfies never;
    }
    return calls;
  }
}

function resourceOf({ parameters }: Call, { accountId, region }: RelayOptions): string {
  const arn = (type: string, id: string) => `arn:aws:ec2:${region}:${accountId}:${type}/${id}`;
  const routeTable = parameters.get('RouteTableId');
  const prefixList = parameters.get('PrefixListId');
  if (routeTable) return arn('route-table', routeTable);
  return prefixList ? arn('prefix-list', prefixList) : '*';
}

/** Reads publish no event: on AWS, a rule sees them only if it asks for all management events. */
function isRead(action: string): boolean {
  return /^(Describe|Get|Search|List)/.test(action);
}

function callerName({ kind, name }: Caller): string {
  return `${kind}/${name}`;
}

function refusal(status: number, code: string, message: string): Answer {
  const escaped = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return {
    status,
    body:
      '<?xml version="1.0" encoding="UTF-8"?>\n' +
      `<Response><Errors><Error><Code>${code}</Code><Message>${escaped}</Message></Error></Errors>` +
      `<RequestID>${randomUUID()}</RequestID></Response>`,
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the relay has no port');
  return address.port;
}
