import { type Effect, ec2Calls } from '../reconciler/aws/ec2-calls.ts';
import type { EventPattern } from 'aws-cdk-lib/aws-events';

const callsThat = (isMeant: (effect: Effect) => boolean): string[] =>
  Object.entries(ec2Calls).flatMap(([name, effect]) => (isMeant(effect) ? name : []));

/**
 * Matches the CloudTrail events of calls that change routes in `account`, made by anybody but `ownRoles`.
 *
 * @param own.sources event sources that count: `aws.ec2`, and what stands in for it in a local stack
 * @param own.account the account whose tables are managed; events forwarded from other accounts do not match
 * @param own.ownRoles ARNs of the roles that reconcile: what they write needs no second look
 */
export function routeCallPattern(own: {
  readonly sources: readonly string[];
  readonly account: string;
  readonly ownRoles: readonly string[];
}): EventPattern {
  return {
    source: [...own.sources],
    detailType: ['AWS API Call via CloudTrail'],
    detail: {
      // API Gateway and AppSync have calls named CreateRoute, too.
      eventSource: ['ec2.amazonaws.com'],
      eventName: callsThat((effect) => effect === 'route'),
      // A refused call changed nothing; one that ended in a server fault may have.
      errorCode: [{ exists: false }, { prefix: 'Server.' }],
      recipientAccountId: [own.account],
      userIdentity: {
        // `anything-but` alone matches no event without the field, which is every IAM user, root and AWS service.
        sessionContext: { sessionIssuer: { arn: [{ 'anything-but': [...own.ownRoles] }, { exists: false }] } },
      },
    },
  };
}

/**
 * Matches the CloudTrail events of all other calls in `account` that bear on route tables: whom they serve, what their
 * destinations mean, whether their targets live. A rule of its own, as a pattern holds 2,048 characters; and ours are not
 * among them.
 */
export const surroundingCallPattern = (own: {
  readonly sources: readonly string[];
  readonly account: string;
}): EventPattern => ({
  source: [...own.sources],
  detailType: ['AWS API Call via CloudTrail'],
  detail: {
    eventSource: ['ec2.amazonaws.com'],
    eventName: callsThat((effect) => effect !== 'route' && effect !== 'tag'),
    errorCode: [{ exists: false }, { prefix: 'Server.' }],
    recipientAccountId: [own.account],
  },
});

/**
 * Matches the CloudTrail events of calls in `account` that tag a route table, among other things or alone. Everything else
 * that is tagged wakes nobody; and we tag nothing.
 */
export const tagCallPattern = (own: {
  readonly sources: readonly string[];
  readonly account: string;
}): EventPattern => ({
  source: [...own.sources],
  detailType: ['AWS API Call via CloudTrail'],
  detail: {
    eventSource: ['ec2.amazonaws.com'],
    eventName: callsThat((effect) => effect === 'tag'),
    errorCode: [{ exists: false }, { prefix: 'Server.' }],
    recipientAccountId: [own.account],
    // A pattern reaches into each element of a list.
    requestParameters: { resourcesSet: { items: { resourceId: [{ prefix: 'rtb-' }] } } },
  },
});
