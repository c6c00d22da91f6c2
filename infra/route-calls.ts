import { type Effect, ec2Calls } from '../reconciler/aws/ec2/calls.ts';
import { instanceStates } from '../reconciler/aws/ec2/instance-state.ts';
import { instanceStateChange } from '../reconciler/core/memory/call.ts';
import type { EventPattern } from 'aws-cdk-lib/aws-events';

/** The calls to match, by source and account. */
interface Watched {
  /** Event sources to match: `aws.ec2`, or its stand-in in a local stack. */
  readonly sources: readonly string[];
  /** The account whose tables are managed. Events forwarded from other accounts do not match. */
  readonly account: string;
}

/**
 * Matches the CloudTrail events of calls that change routes, unless one of `ownRoles` made the call.
 *
 * @param ownRoles ARNs of the roles that reconcile: their own writes must not start another reconcile
 */
export const routeCallPattern = ({
  ownRoles,
  ...watched
}: Watched & { readonly ownRoles: readonly string[] }): EventPattern =>
  callsThat((effect) => effect === 'route', watched, {
    userIdentity: {
      // `anything-but` does not match an absent field, and calls by IAM users, root and AWS services lack this one.
      sessionContext: { sessionIssuer: { arn: [{ 'anything-but': [...ownRoles] }, { exists: false }] } },
    },
  });

/**
 * Matches the CloudTrail events of all other calls that affect route tables: which subnets they serve, what their
 * destinations mean, and whether their targets exist. These calls need a separate rule because a pattern is limited to
 * 2,048 characters. We make none of them ourselves.
 */
export const surroundingCallPattern = (watched: Watched): EventPattern =>
  callsThat((effect) => effect !== 'route' && effect !== 'tag', watched);

/**
 * Matches the CloudTrail events of calls that tag at least one route table. Tags on other resources match nothing, and
 * we tag nothing ourselves.
 */
export const tagCallPattern = (watched: Watched): EventPattern =>
  callsThat((effect) => effect === 'tag', watched, {
    // A pattern is matched against each element of a list.
    requestParameters: { resourcesSet: { items: { resourceId: [{ prefix: 'rtb-' }] } } },
  });

/** Matches EC2's own reports that an instance came up or went down. They need no trail, and name no caller. */
export const instanceStatePattern = ({ sources, account }: Watched): EventPattern => ({
  source: [...sources],
  account: [account],
  detailType: [instanceStateChange],
  detail: { state: [...instanceStates] },
});

const callsThat = (
  isMeant: (effect: Effect) => boolean,
  { sources, account }: Watched,
  detail: NonNullable<EventPattern['detail']> = {},
): EventPattern => ({
  source: [...sources],
  detailType: ['AWS API Call via CloudTrail'],
  detail: {
    // API Gateway and AppSync also have calls named CreateRoute.
    eventSource: ['ec2.amazonaws.com'],
    eventName: Object.entries(ec2Calls).flatMap(([name, effect]) => (isMeant(effect) ? name : [])),
    // A rejected call changed nothing. A call that ended in a server fault may have changed something.
    errorCode: [{ exists: false }, { prefix: 'Server.' }],
    recipientAccountId: [account],
    ...detail,
  },
});
