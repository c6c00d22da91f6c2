import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { account, region, StackTemplate } from '../support/stack.ts';

describe('messages', () => {
  const template = new StackTemplate();
  const rule = template.one('AWS::Events::Rule', 'Messages');

  it('are sent for every event that has one, of our own source and account', () => {
    expect(rule).toMatchObject({
      State: 'ENABLED',
      EventPattern: {
        source: ['route-reconciler'],
        account: [account],
        detail: { message: { subject: [{ exists: true }] } },
      },
    });
  });

  it('go to the topic of the alarms, and undeliverable ones to a dead-letter queue', () => {
    expect(rule['Targets']).toMatchObject([{ Arn: 'AlarmsTopic', DeadLetterConfig: { Arn: 'UndeliveredEvents.Arn' } }]);
    expect(rule['Targets']).not.toMatchObject([{ RoleArn: expect.anything() }]);
  });

  it('are lines of text: subject first, then what, who, what to do next, and a link that opens', () => {
    const [{ InputTransformer }] = targetsShape.parse(rule['Targets']);
    const lines = String(InputTransformer['InputTemplate']).split('\n');
    expect(lines).toEqual([
      '"Route Reconciler: <detail-message-subject>"',
      '"What: <detail-message-what>"',
      '"Who: <detail-message-who>"',
      '"Next: <detail-message-next>"',
      `"When: <detail-at> (<detail-type>, account ${account}, ${region})"`,
      `"Dashboard: https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/RouteReconciler"`,
    ]);
    expect(InputTransformer['InputPathsMap']).toEqual({
      'detail-message-subject': '$.detail.message.subject',
      'detail-message-what': '$.detail.message.what',
      'detail-message-who': '$.detail.message.who',
      'detail-message-next': '$.detail.message.next',
      'detail-at': '$.detail.at',
      'detail-type': '$.detail-type',
    });
  });

  it('may be published by this rule, and by no other of EventBridge', () => {
    const statements = ['AWS::SNS::TopicPolicy', 'AWS::SQS::QueuePolicy'].flatMap((type) =>
      [...template.all(type).values()].flatMap(({ PolicyDocument }) => statementsOf(PolicyDocument)),
    );
    const ofEventBridge = statements.filter(
      ({ Principal, Resource }) =>
        JSON.stringify(Principal).includes('events.amazonaws.com') && String(Resource) === 'AlarmsTopic',
    );
    expect(ofEventBridge).toMatchObject([
      { Effect: 'Allow', Action: 'sns:Publish', Condition: { ArnEquals: { 'aws:SourceArn': 'Messages.Arn' } } },
    ]);
  });

  it('may use the key of the topic, from this account only', () => {
    const { KeyPolicy } = template.one('AWS::KMS::Key', 'AlarmsKey');
    expect(statementsOf(KeyPolicy)).toContainEqual({
      Effect: 'Allow',
      Principal: { Service: ['cloudwatch.amazonaws.com', 'events.amazonaws.com'] },
      Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      Resource: '*',
      Condition: { StringEquals: { 'aws:SourceAccount': account } },
    });
  });
});

const fields = z.record(z.string(), z.unknown());
const targetsShape = z.tuple([z.looseObject({ InputTransformer: fields })]);

const statementsOf = (document: unknown): readonly Record<string, unknown>[] =>
  z.looseObject({ Statement: z.array(fields) }).parse(document).Statement;
