import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ruleOf } from '../../local/cloudwatch/alarm-rule.ts';
import { type AlarmState, type Datapoint, evaluate, evaluationRange } from '../../local/cloudwatch/evaluate.ts';
import { StackTemplate } from '../support/stack.ts';

const runbook = readFileSync(path.resolve(import.meta.dirname, '../../docs/runbook.md'), 'utf8');
/** The anchors that GitHub derives from the runbook's second-level headings. */
const entries = [...runbook.matchAll(/^## (.+)$/gm)].map(([, heading = '']) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .trim()
    .replaceAll(/\s/g, '-'),
);

/** The runbook entry that an alarm names. */
const entryOf = (alarm: Record<string, unknown>): string | undefined =>
  /docs\/runbook\.md#([a-z-]+)/.exec(String(alarm['AlarmDescription']))?.[1];

describe('alarms', () => {
  const template = new StackTemplate({ sweepEveryMinutes: 7 });
  const alarms = [...template.all('AWS::CloudWatch::Alarm')];
  const watching = (metric: string, dimension: string, value: string) =>
    alarms.filter(
      ([, { MetricName, Dimensions }]) =>
        MetricName === metric && JSON.stringify(Dimensions) === JSON.stringify([{ Name: dimension, Value: value }]),
    );

  it('watch every dead-letter queue and start at the first message', () => {
    const deadLetterQueues = [...template.all('AWS::SQS::Queue').keys()].filter((name) => name !== 'Requeue');
    expect(deadLetterQueues).toHaveLength(4);
    for (const queue of deadLetterQueues) {
      const found = watching('ApproximateNumberOfMessagesVisible', 'QueueName', `${queue}.QueueName`);
      expect(found).toEqual([
        [
          expect.any(String),
          expect.objectContaining({
            Threshold: 1,
            ComparisonOperator: 'GreaterThanOrEqualToThreshold',
            EvaluationPeriods: 1,
          }),
        ],
      ]);
    }
  });

  it('stay in alarm while an inactive queue sends no metrics but still holds messages', () => {
    const quiet = alarms
      .filter(([name, { Namespace }]) => Namespace === 'AWS/SQS' && name !== 'AlarmsRequeuesWaiting')
      .map(([, alarm]) => alarm['TreatMissingData']);
    expect(quiet).toEqual(['ignore', 'ignore', 'ignore', 'ignore']);
  });

  it('watch errors and throttles of every function that reconciles, but not of the widget', () => {
    const reconciling = [...template.all('AWS::Lambda::Function').keys()].filter((name) => !name.startsWith('Widget'));
    expect(reconciling).toHaveLength(4);
    for (const name of reconciling) {
      expect(watching('Errors', 'FunctionName', name)).toHaveLength(1);
      expect(watching('Throttles', 'FunctionName', name)).toHaveLength(1);
    }
  });

  it('count new problems in five minutes, and treat missing data as OK', () => {
    const counted = ['ChangesFailed', 'PlansBlocked', 'InvalidDesired', 'Contested', 'Blackholes', 'MissedByEvents'];
    for (const name of [...counted, 'DriftObserved', 'EventsNotTold', 'EventsDropped'])
      expect(template.one('AWS::CloudWatch::Alarm', `Alarms${name}`)).toMatchObject({
        Namespace: 'RouteReconciler',
        MetricName: name,
        Dimensions: [{ Name: 'service', Value: 'route-reconciler' }],
        Statistic: 'Sum',
        Threshold: 1,
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
        Period: 300,
        EvaluationPeriods: 1,
        TreatMissingData: 'notBreaching',
      });
  });

  it('report requeues that nobody receives for 15 minutes', () => {
    expect(watching('ApproximateNumberOfMessagesVisible', 'QueueName', 'Requeue.QueueName')).toEqual([
      [
        'AlarmsRequeuesWaiting',
        expect.objectContaining({ Statistic: 'Minimum', Threshold: 1, Period: 300, EvaluationPeriods: 3 }),
      ],
    ]);
  });

  it('report tables that three sweeps found out of sync or could not read, and stay in alarm while sweeps are missing', () => {
    for (const name of ['TablesOutOfSync', 'TablesWaiting', 'TablesUnknown'])
      expect(template.one('AWS::CloudWatch::Alarm', `Alarms${name}`)).toMatchObject({
        MetricName: name,
        Statistic: 'Maximum',
        Threshold: 1,
        Period: 7 * 60,
        EvaluationPeriods: 3,
        TreatMissingData: 'ignore',
      });
  });

  /** The state of an alarm after these datapoints by CloudWatch's rules, given its state before. The newest is last. */
  const after = (id: string, history: readonly Datapoint[], before: AlarmState): AlarmState => {
    const rule = ruleOf(template.one('AWS::CloudWatch::Alarm', `Alarms${id}`));
    if (!rule) throw new Error(`${id} watches no plain metric`);
    return evaluate(rule, history.slice(-evaluationRange(rule)), before);
  };
  const none = undefined;

  it('start when no sweep completes in three intervals, but not for one late sweep, and end with the next sweep', () => {
    const steady = [1, 1, 1, 1, 1];
    expect(after('SweepNotCompleted', [...steady, none, none], 'OK')).toBe('OK');
    expect(after('SweepNotCompleted', [...steady, none, none, none], 'OK')).toBe('ALARM');
    expect(after('SweepNotCompleted', [...steady, none, none, none, 1], 'ALARM')).toBe('OK');
  });

  it('start when a pause or a stop held for an hour in any six, and not before', () => {
    // With a sweep every 7 minutes, 9 of the 52 sweeps in six hours are an hour.
    expect(template.one('AWS::CloudWatch::Alarm', 'AlarmsTablesStopped')).toMatchObject({
      MetricName: 'TablesStopped',
      Statistic: 'Maximum',
      Threshold: 1,
      Period: 7 * 60,
      EvaluationPeriods: 52,
      DatapointsToAlarm: 9,
      TreatMissingData: 'ignore',
    });
    const sweeps = (length: number, value: number) => Array.from({ length }, () => value);
    expect(after('TablesStopped', [...sweeps(44, 0), ...sweeps(8, 2)], 'OK')).toBe('OK');
    expect(after('TablesStopped', [...sweeps(43, 0), ...sweeps(9, 2)], 'OK')).toBe('ALARM');
    // Somebody ends the order and gives it again.
    const onAndOff = [1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1];
    expect(after('TablesStopped', [...sweeps(37, 0), ...onAndOff], 'OK')).toBe('ALARM');
    expect(after('TablesStopped', [...onAndOff, ...sweeps(52, 0)], 'ALARM')).toBe('OK');
  });

  it('start when a sweep misses items of the one before, and end with the next sweep', () => {
    expect(after('ItemsMissing', [0, 0, 7], 'OK')).toBe('ALARM');
    expect(after('ItemsMissing', [0, 7, 0], 'ALARM')).toBe('OK');
  });

  it('start when a sweep finds a disabled mapping, and keep their state while none can ask', () => {
    expect(template.one('AWS::CloudWatch::Alarm', 'AlarmsMappingsDisabled')).toMatchObject({
      MetricName: 'MappingsDisabled',
      Statistic: 'Maximum',
      Period: 7 * 60,
      TreatMissingData: 'ignore',
    });
    expect(after('MappingsDisabled', [0, 0, 1], 'OK')).toBe('ALARM');
    expect(after('MappingsDisabled', [0, 1, none, none, none], 'ALARM')).toBe('ALARM');
    expect(after('MappingsDisabled', [0, 1, none, 0], 'ALARM')).toBe('OK');
  });

  it('for tables out of sync end although other tables still wait for a person', () => {
    expect(after('TablesOutOfSync', [1, 1, 1, 0], 'ALARM')).toBe('OK');
    expect(after('TablesWaiting', [1, 1, 1], 'OK')).toBe('ALARM');
  });

  it('start with a new problem, and end after three periods without another', () => {
    const quiet = [none, none, none, none, none];
    expect(after('Blackholes', [...quiet, 1], 'OK')).toBe('ALARM');
    expect(after('Blackholes', [...quiet, 1, none, none], 'ALARM')).toBe('ALARM');
    expect(after('Blackholes', [...quiet, 1, none, none, none], 'ALARM')).toBe('OK');
  });

  it('treat missing data as a sweep that did not complete', () => {
    expect(template.one('AWS::CloudWatch::Alarm', 'AlarmsSweepNotCompleted')).toMatchObject({
      Namespace: 'RouteReconciler',
      MetricName: 'SweepCompleted',
      Dimensions: [{ Name: 'service', Value: 'route-reconciler' }],
      ComparisonOperator: 'LessThanThreshold',
      Threshold: 1,
      Period: 7 * 60,
      EvaluationPeriods: 1,
      TreatMissingData: 'breaching',
    });
  });

  it('have the period that a local stack sets, except those on sweeps', () => {
    const local = new StackTemplate({ local: true, sweepEveryMinutes: 1, alarmPeriodSeconds: 30 });
    const periods = [...local.all('AWS::CloudWatch::Alarm').values()].map(({ MetricName, Period }) => [
      Period,
      /^(Sweep|Tables|Items|Mappings)/.test(String(MetricName)),
    ]);
    expect(new Set(periods.map(String))).toEqual(new Set(['30,false', '60,true']));
  });

  it.each(alarms)('%s notifies the topic when it starts and when it ends', (_, { AlarmActions, OKActions }) => {
    expect({ AlarmActions, OKActions }).toEqual({ AlarmActions: ['AlarmsTopic'], OKActions: ['AlarmsTopic'] });
  });

  it.each(alarms)('%s says what it means, what to do first, and which existing runbook entry to read', (_, alarm) => {
    const description = String(alarm['AlarmDescription']);
    expect(description).toMatch(
      /^[A-Z].+\. First: .+\. Runbook: docs\/runbook\.md#[a-z-]+\. Dashboard: https:\/\/eu-west-1\.console\.aws\.amazon\.com\/cloudwatch\/home\?region=eu-west-1#dashboards\/dashboard\/RouteReconciler$/,
    );
    expect(entries).toContain(entryOf(alarm));
    expect(description.length).toBeLessThanOrEqual(1_024);
  });

  it('are named for what they mean, in the stack that they belong to', () => {
    for (const [id, { AlarmName }] of alarms) expect(AlarmName).toBe(`RouteReconciler-${id.replace('Alarms', '')}`);
  });

  it.each(entries.filter((entry) => entry !== 'all-alarms'))('the runbook entry %s belongs to an alarm', (entry) => {
    expect(alarms.some(([, alarm]) => entryOf(alarm) === entry)).toBe(true);
  });

  it('are simple: one metric each, no metric math, no composites', () => {
    for (const [, alarm] of alarms) expect(alarm).not.toHaveProperty('Metrics');
    expect(template.all('AWS::CloudWatch::CompositeAlarm').size).toBe(0);
  });

  it('of this account may publish to the encrypted topic, and use its key', () => {
    const alarmsOfThisAccount = {
      Effect: 'Allow',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Condition: { StringEquals: { 'aws:SourceAccount': '111122223333' } },
    };
    expect(template.one('AWS::SNS::Topic', 'AlarmsTopic')).toMatchObject({ KmsMasterKeyId: 'AlarmsKey.Arn' });
    expect(template.one('AWS::SNS::TopicPolicy', 'AlarmsTopicPolicy')).toMatchObject({
      PolicyDocument: {
        Statement: expect.arrayContaining([expect.objectContaining({ ...alarmsOfThisAccount, Action: 'sns:Publish' })]),
      },
    });
    expect(template.one('AWS::KMS::Key', 'AlarmsKey')).toMatchObject({
      KeyPolicy: {
        Statement: expect.arrayContaining([
          expect.objectContaining({
            ...alarmsOfThisAccount,
            Principal: { Service: ['cloudwatch.amazonaws.com', 'events.amazonaws.com'] },
            Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
          }),
        ]),
      },
    });
  });
});
