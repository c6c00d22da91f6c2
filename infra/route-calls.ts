import { type Effect, ec2Calls } from '../reconciler/aws/ec2-calls.ts';
import type { EventPattern } from 'aws-cdk-lib/aws-events';

/** Whose calls count. */
interface Watched {
  /** Event sources that count: `aws.ec2`, and what stands in for it in a local stack. */
  readonly sources: readonly string[];
  /** The account whose tables are managed; events forwarded from other accounts do not match. */
  readonly account: string;
}

/**
 * Matches the CloudTrail events of calls that change routes, made by anybody but `ownRoles`.
 *
 * @param ownRoles ARNs of the roles that reconcile: what they write needs no second look
 */
export const routeCallPattern = ({
  ownRoles,
  ...watched
}: Watched & { readonly ownRoles: readonly string[] }): EventPattern =>
  callsThat((effect) => effect === 'route', watched, {
    userIdentity: {
      // `anything-but` alone matches no event without the field, which is every IAM user, root and AWS service.
      sessionContext: { sessionIssuer: { arn: [{ 'anything-but': [...ownRoles] }, { exists: false }] } },
    },
  });

/**
 * Matches the CloudTrail events of all other calls that bear on route tables: whom they serve, what their destinations
 * mean, whether their targets live. A rule of its own, as a pattern holds 2,048 characters; and ours are not among them.
 */
export const surroundingCallPattern = (watched: Watched): EventPattern =>
  callsThat((effect) => effect !== 'route' && effect !== 'tag', watched);

/**
 * Matches the CloudTrail events of calls that tag a route table, among other things or alone. Everything else that is
 * tagged wakes nobody; and we tag nothing.
 */
export const tagCallPattern = (watched: Watched): EventPattern =>
  callsThat((effect) => effect === 'tag', watched, {
    // A pattern reaches into each element of a list.
    requestParameters: { resourcesSet: { items: { resourceId: [{ prefix: 'rtb-' }] } } },
  });

const callsThat = (
  isMeant: (effect: Effect) => boolean,
  { sources, account }: Watched,
  detail: NonNullable<EventPattern['detail']> = {},
): EventPattern => ({
  source: [...sources],
  detailType: ['AWS API Call via CloudTrail'],
  detail: {
    // API Gateway and AppSync have calls named CreateRoute, too.
    eventSource: ['ec2.amazonaws.com'],
    eventName: Object.entries(ec2Calls).flatMap(([name, effect]) => (isMeant(effect) ? name : [])),
    // A refused call changed nothing; one that ended in a server fault may have.
    errorCode: [{ exists: false }, { prefix: 'Server.' }],
    recipientAccountId: [account],
    ...detail,
  },
});
