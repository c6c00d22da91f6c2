import { Stack } from 'aws-cdk-lib';
import { EventField, type IRuleTarget, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { dashboardUrl } from './dashboard.ts';
import { eventSource } from '../reconciler/core/announce/domain-event.ts';

export interface MessagesProps {
  readonly topic: ITopic;
  /** The key of the topic, if it is ours. */
  readonly key: IKey | undefined;
  /** Messages that the topic did not take. */
  readonly undelivered: IQueue;
}

/**
 * Sends each event that needs a person to the topic of the alarms, as one readable message. An alarm that is already
 * raised notifies nobody of a second problem; a message does.
 *
 * The core decides which events have a message, and writes it. The rule only passes it on, line by line: EventBridge
 * puts each line of a text in quotes.
 */
export function messages(scope: Construct, { topic, key, undelivered }: MessagesProps): Rule {
  const { account, region } = Stack.of(scope);
  const rule = new Rule(scope, 'Messages', {
    description: 'Events that need a person, as messages to the topic of the alarms',
    eventPattern: { source: [eventSource], account: [account], detail: { message: { subject: [{ exists: true }] } } },
  });
  const line = (name: string): string => EventField.fromPath(`$.detail.message.${name}`);
  const text = [
    `Route Reconciler: ${line('subject')}`,
    `What: ${line('what')}`,
    `Who: ${line('who')}`,
    `Next: ${line('next')}`,
    `When: ${EventField.fromPath('$.detail.at')} (${EventField.fromPath('$.detail-type')}, account ${account}, ${region})`,
    `Dashboard: ${dashboardUrl(Stack.of(scope))}`,
  ].join('\n');
  // The target that CDK has would let every rule of every account publish.
  const target: IRuleTarget = {
    bind: () => ({
      arn: topic.topicArn,
      input: RuleTargetInput.fromMultilineText(text),
      deadLetterConfig: { arn: undelivered.queueArn },
    }),
  };
  rule.addTarget(target);
  const thisRule = eventBridge({ ArnEquals: { 'aws:SourceArn': rule.ruleArn } });
  allow(topic, topic.topicArn, thisRule, 'sns:Publish');
  allow(undelivered, undelivered.queueArn, thisRule, 'sqs:SendMessage');
  // The policy of the key cannot name the rule: the rule needs the topic, and the topic needs the key.
  if (key) {
    const thisAccount = eventBridge({ StringEquals: { 'aws:SourceAccount': account } });
    allow(key, '*', thisAccount, 'kms:Decrypt', 'kms:GenerateDataKey*');
  }
  return rule;
}

const eventBridge = (conditions: Record<string, unknown>): ServicePrincipal =>
  new ServicePrincipal('events.amazonaws.com', { conditions });

const allow = (
  to: { addToResourcePolicy(statement: PolicyStatement): unknown },
  resource: string,
  principal: ServicePrincipal,
  ...actions: readonly string[]
): unknown =>
  to.addToResourcePolicy(
    new PolicyStatement({ principals: [principal], actions: [...actions], resources: [resource] }),
  );
