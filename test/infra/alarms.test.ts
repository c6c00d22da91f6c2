import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ruleOf } from '../../local/cloudwatch/alarm-rule.ts';
import { type AlarmState, type Datapoint, evaluate, evaluationRange } from '../../local/cloudwatch/evaluate.ts';
import { StackTemplate } from '../support/stack.ts';

const runbook = readFileSync(path.resolve(import.meta.dirname, '../../docs/runbook.md'), 'utf8');
/** The anchors of the runbook's entries, as GitHub makes them of second-level headings. */
const entries = [...runbook.matchAll(/^## (.+)$/gm)].map(([, heading = '']) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .trim()
    .replaceAll(/\s/g, '-'),
);

describe('alarms', () => {
  const template = new StackTemplate({ sweepEveryMinutes: 7 });
  const alarms = [...template.all('AWS::CloudWatch::Alarm')];
  const watching = (metric: string, dimension: string, value: string) =>
    alarms.filter(
      ([, { MetricName, Dimensions }]) =>
        MetricName === metric && JSON.stringify(Dimensions) === JSON.stringify([{ Name: dimension, Value: value }]),
    );

  it('watch every dead-letter queue from the first message on', () => {
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

  it('stay in alarm over a queue that has gone quiet and sends no metric, with its messages still there', () => {
    const quiet = alarms
      .filter(([name, { Namespace }]) => Namespace === 'AWS/SQS' && name !== 'AlarmsRequeuesWaiting')
      .map(([, alarm]) => alarm['TreatMissingData']);
    expect(quiet).toEqual(['ignore', 'ignore', 'ignore', 'ignore']);
  });

  it('watch every function that reconciles for errors and throttles; who looks at the dashboard sees its errors', () => {
    const reconciling = [...template.all('AWS::Lambda::Function').keys()].filter((name) => !name.startsWith('Widget'));
    expect(reconciling).toHaveLength(4);
    for (const name of reconciling) {
      expect(watching('Errors', 'FunctionName', name)).toHaveLength(1);
      expect(watching('Throttles', 'FunctionName', name)).toHaveLength(1);
    }
  });

  it('count what newly needs a person, in five minutes, and take silence for good news', () => {
    const counted = ['ChangesFailed', 'PlansBlocked', 'InvalidDesired', 'Contested', 'Blackholes', 'MissedByEvents'];
    for (const name of [...counted, 'EventsNotTold'])
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

  it('tell of tables to be looked at again that nobody looks at, for a quarter of an hour on end', () => {
    expect(watching('ApproximateNumberOfMessagesVisible', 'QueueName', 'Requeue.QueueName')).toEqual([
      [
        'AlarmsRequeuesWaiting',
        expect.objectContaining({ Statistic: 'Minimum', Threshold: 1, Period: 300, EvaluationPeriods: 3 }),
      ],
    ]);
  });

  it('tell of tables that three sweeps found out of sync, or could not look at, and forget it not while sweeps are missing', () => {
    for (const name of ['TablesOutOfSync', 'TablesUnknown'])
      expect(template.one('AWS::CloudWatch::Alarm', `Alarms${name}`)).toMatchObject({
        MetricName: name,
        Statistic: 'Maximum',
        Threshold: 1,
        Period: 7 * 60,
        EvaluationPeriods: 3,
        TreatMissingData: 'ignore',
      });
  });

  /** The state of an alarm that was OK or in ALARM, by CloudWatch's rules, after these datapoints: the newest last. */
  const after = (id: string, history: readonly Datapoint[], before: AlarmState): AlarmState => {
    const rule = ruleOf(template.one('AWS::CloudWatch::Alarm', `Alarms${id}`));
    if (!rule) throw new Error(`${id} watches no plain metric`);
    return evaluate(rule, history.slice(-evaluationRange(rule)), before);
  };
  const none = undefined;

  it('ring when no sweep completed in three intervals, not for one that is late, and stop with the next', () => {
    const steady = [1, 1, 1, 1, 1];
    expect(after('SweepNotCompleted', [...steady, none, none], 'OK')).toBe('OK');
    expect(after('SweepNotCompleted', [...steady, none, none, none], 'OK')).toBe('ALARM');
    expect(after('SweepNotCompleted', [...steady, none, none, none, 1], 'ALARM')).toBe('OK');
  });

  it('ring for what is new, and are over when nothing came for three periods', () => {
    const quiet = [none, none, none, none, none];
    expect(after('Blackholes', [...quiet, 1], 'OK')).toBe('ALARM');
    expect(after('Blackholes', [...quiet, 1, none, none], 'ALARM')).toBe('ALARM');
    expect(after('Blackholes', [...quiet, 1, none, none, none], 'ALARM')).toBe('OK');
  });

  it('take silence for a sweep that did not complete', () => {
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

  it('all have the period that a local stack asks for, but for those on sweeps', () => {
    const local = new StackTemplate({ local: true, sweepEveryMinutes: 1, alarmPeriodSeconds: 30 });
    const periods = [...local.all('AWS::CloudWatch::Alarm').values()].map(({ MetricName, Period }) => [
      Period,
      /^(Sweep|Tables)/.test(String(MetricName)),
    ]);
    expect(new Set(periods.map(String))).toEqual(new Set(['30,false', '60,true']));
  });

  it.each(alarms)('%s tells the topic when it starts and when it ends', (_, { AlarmActions, OKActions }) => {
    expect({ AlarmActions, OKActions }).toEqual({ AlarmActions: ['AlarmsTopic'], OKActions: ['AlarmsTopic'] });
  });

  it.each(alarms)('%s says what it means, what to do first, and points to a runbook entry that exists', (_, alarm) => {
    const description = String(alarm['AlarmDescription']);
    expect(description).toMatch(/^[A-Z].+\. First: .+\. Runbook: docs\/runbook\.md#[a-z-]+$/);
    expect(entries).toContain(description.split('#').at(-1));
  });

  it.each(entries.filter((entry) => entry !== 'all-alarms'))('the runbook entry %s belongs to an alarm', (entry) => {
    expect(alarms.some(([, alarm]) => String(alarm['AlarmDescription']).endsWith(`#${entry}`))).toBe(true);
  });

  it('are plain: one metric each, no metric math, no composites', () => {
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
          expect.objectContaining({ ...alarmsOfThisAccount, Action: ['kms:Decrypt', 'kms:GenerateDataKey*'] }),
        ]),
      },
    });
  });
});
