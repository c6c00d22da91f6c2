import type { DeploymentReader } from '../reconciler/aws/deployment-reader.ts';
import type { FleetTable } from '../reconciler/aws/dynamodb/fleet-reader.ts';
import { isEnough } from '../reconciler/aws/trail.ts';
import type { Occupied } from '../reconciler/core/route/room.ts';
import { counted } from '../reconciler/core/route/counted.ts';
import type { SweepRecord } from '../reconciler/core/status/sweep-record.ts';
import { lengthOf } from '../report/words.ts';

/** What a check found. `problem`: something does not work. `warning`: it works, and a person should know. */
export interface Finding {
  readonly check: string;
  readonly result: 'ok' | 'warning' | 'problem' | 'unknown';
  readonly found: string;
  /** What a person can do about it. Absent if all is well. */
  readonly todo?: string;
}

type Answer = Omit<Finding, 'check'>;
type Read<Question extends keyof DeploymentReader> = Awaited<ReturnType<DeploymentReader[Question]>>;

const ok = (found: string): Answer => ({ result: 'ok', found });
const problem = (found: string, todo: string): Answer => ({ result: 'problem', found, todo });
const warning = (found: string, todo: string): Answer => ({ result: 'warning', found, todo });

export const stackAnswer = (stack: string, outputs: Read<'outputs'>): Answer =>
  outputs
    ? ok(`${stack} is deployed`)
    : problem(
        `there is no stack ${stack} in this account and Region, so its parts are not checked`,
        'give its name with --stack, check the Region, or deploy it: npx cdk deploy',
      );

/** Without a trail, EventBridge gets no event of an EC2 call. */
export function trailAnswer(trails: Read<'trails'>): Answer {
  const good = trails.find(isEnough);
  if (good) return ok(`${good.name} records management write events in this Region`);
  const create =
    'aws cloudtrail create-trail --name management-events --is-multi-region-trail --s3-bucket-name BUCKET && aws cloudtrail start-logging --name management-events';
  if (trails.length === 0) return problem('no trail in this Region: only the sweep finds changes', create);
  const stopped = trails.find(({ recordsWrites }) => recordsWrites);
  return stopped
    ? problem(
        `${stopped.name} is not logging: only the sweep finds changes`,
        `aws cloudtrail start-logging --name ${stopped.name}`,
      )
    : problem(`${counted(trails.length, 'trail')}, and none records management write events of EC2`, create);
}

export function ruleAnswer(name: string, { isEnabled, targets }: Read<'rule'>): Answer {
  if (!isEnabled) return problem(`rule ${name} is disabled`, `aws events enable-rule --name ${name}`);
  return targets > 0
    ? ok(`rule ${name} is enabled`)
    : problem(`rule ${name} has no target`, 'deploy again: npx cdk deploy');
}

export function abilityAnswer(name: string, { isStopped, onlyObserves, denied }: Read<'ability'>): Answer {
  if (isStopped)
    return problem(
      `${name} is stopped: its concurrency is limited to 0`,
      `aws lambda delete-function-concurrency --function-name ${name}`,
    );
  if (denied.length === 0)
    return ok(`${name} may read route tables${onlyObserves ? ', and only observes' : ' and change routes'}`);
  const found = denied.map(({ action, by }) => `${action} (${by})`).join(', ');
  return problem(`${name} may not call ${found}`, 'deploy again, or ask whoever maintains these policies');
}

/** @param expected how many mappings the function needs */
export function mappingsAnswer(functionName: string, states: Read<'mappings'>, expected: number): Answer {
  const enabled = states.filter((state) => state === 'Enabled').length;
  if (enabled >= expected) return ok(`${functionName} has ${counted(enabled, 'enabled mapping')}`);
  return problem(
    `${functionName} has ${counted(enabled, 'enabled mapping')} of ${expected}: ${states.join(', ') || 'none'}`,
    `aws lambda list-event-source-mappings --function-name ${functionName}, then update-event-source-mapping --enabled --uuid UUID; if one is missing, deploy again`,
  );
}

export const scheduleAnswer = (name: string, { isEnabled, expression }: Read<'schedule'>): Answer =>
  isEnabled
    ? ok(`${name} starts sweeps: ${expression}`)
    : problem(`schedule ${name} is disabled: no sweep starts`, 'enable it in EventBridge Scheduler, or deploy again');

/** A sweep is late after this many intervals. */
const intervalsAllowed = 3;
const usualIntervalMs = 5 * 60 * 1_000;

export function sweepAnswer(sweep: SweepRecord | undefined, now: Date): Answer {
  const endedAt = sweep?.endedAt ?? sweep?.lastCompleted?.endedAt;
  if (!sweep || endedAt === undefined)
    return problem('no sweep has ended yet', 'wait for one interval; then look at the log of the function Sweep');
  const ago = now.getTime() - Date.parse(endedAt);
  const found = `the last sweep ended ${lengthOf(ago)} ago`;
  if (ago > intervalsAllowed * (sweep.everyMs ?? usualIntervalMs))
    return problem(found, 'look at the log of the function Sweep, and at its dead-letter queue');
  const { unknown } = sweep;
  const [first] = unknown.first;
  return unknown.count > 0
    ? problem(
        `${found}; it could not read ${counted(unknown.count, 'table')}, first ${first?.routeTableId}: ${first?.reason}`,
        'routectl status --phase Unknown',
      )
    : ok(found);
}

export const queueAnswer = (name: string, queueUrl: string, messages: number): Answer =>
  messages === 0
    ? ok(`${name} is empty`)
    : problem(
        `${name} has about ${counted(messages, 'message')}`,
        `read them: aws sqs receive-message --queue-url ${queueUrl} --attribute-names All --message-attribute-names All`,
      );

export function alarmsAnswer(alarms: Read<'alarms'>): Answer {
  if (alarms.length === 0) return problem('no alarm notifies the topic', 'deploy again: npx cdk deploy');
  const names = (which: Read<'alarms'>): string => which.map(({ name }) => name).join(', ');
  const red = alarms.filter(({ isRed }) => isRed);
  if (red.length > 0)
    return problem(`${counted(red.length, 'alarm')} raised: ${names(red)}`, 'docs/runbook.md has an entry for each');
  const silent = alarms.filter(({ isSilent }) => isSilent);
  return silent.length > 0
    ? warning(
        `${counted(silent.length, 'alarm')} with disabled actions: ${names(silent)}`,
        'aws cloudwatch enable-alarm-actions --alarm-names NAME',
      )
    : ok(`${counted(alarms.length, 'alarm')}, none raised`);
}

export function subscriptionsAnswer(topicArn: string, { confirmed, pending }: Read<'subscriptions'>): Answer {
  if (confirmed > 0) return ok(counted(confirmed, 'confirmed subscription'));
  return pending > 0
    ? problem(
        `${counted(pending, 'subscription')} of the alarm topic, none confirmed`,
        'open the link in the message from AWS',
      )
    : problem(
        'nobody subscribes to the alarm topic',
        `aws sns subscribe --topic-arn ${topicArn} --protocol email --notification-endpoint ADDRESS`,
      );
}

/** Items that no sweep can use, and items of tables that EC2 does not have. */
export function itemsAnswer(tables: readonly FleetTable[], sweep: SweepRecord | undefined): Answer {
  const unusable = sweep?.unusable?.first ?? sweep?.lastCompleted?.unusable?.first ?? [];
  const idsIn = (phase: string): string[] =>
    tables.filter(({ status }) => status?.phase === phase).map(({ routeTableId }) => routeTableId);
  const [missing, invalid] = [idsIn('Missing'), idsIn('Invalid')];
  const [first] = unusable;
  if (first)
    return problem(`${first.routeTableId}: ${first.reason}`, 'delete the item or the order, or correct its key');
  if (invalid.length > 0) return problem(`invalid: ${invalid.join(', ')}`, `routectl status ${invalid[0]}`);
  if (missing.length > 0)
    return problem(`no such route table: ${missing.join(', ')}`, 'delete the items, if the tables are gone for good');
  return tables.length === 0
    ? warning('no table is managed', 'routectl import writes items of existing tables')
    : ok(`${counted(tables.length, 'item')}, each of a table that exists`);
}

/** A table this full gets a warning: a failover may need room. */
const fullAt = 0.9;

/** @param tables how much of the quota each managed table takes */
export function headroomAnswer(tables: ReadonlyMap<string, Occupied>, quota: number): Answer {
  const counts = [...tables].flatMap(([id, { ipv4, ipv6 }]) => [
    { count: ipv4, text: `${id} has ${ipv4} of ${quota} IPv4 routes` },
    { count: ipv6, text: `${id} has ${ipv6} of ${quota} IPv6 routes` },
  ]);
  const full = counts.filter(({ count }) => count >= quota * fullAt).toSorted((a, b) => b.count - a.count);
  const unknown = [...new Set([...tables.values()].flatMap((one) => one.unknown))];
  const besides = unknown.length === 0 ? '' : `; the size of ${unknown.join(', ')} is unknown and not counted`;
  const [fullest] = counts.toSorted((a, b) => b.count - a.count);
  if (full.length === 0) return ok(`${fullest ? `the fullest: ${fullest.text}` : 'no table is managed'}${besides}`);
  const found = `${full.map(({ text }) => text).join(', ')}${besides}`;
  const todo = 'ask for a higher quota L-93826ACB (at most 1,000), or summarize routes in shorter prefixes';
  return full.some(({ count }) => count >= quota) ? problem(found, todo) : warning(found, todo);
}
