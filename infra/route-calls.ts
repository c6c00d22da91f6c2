import type { EventPattern } from 'aws-cdk-lib/aws-events';

/** The EC2 calls that can change what a route table contains or whom it serves, and that name the table. */
const routeCalls = [
  'CreateRoute',
  'ReplaceRoute',
  'DeleteRoute',
  'CreateRouteTable',
  'DeleteRouteTable',
  'AssociateRouteTable',
  'ReplaceRouteTableAssociation',
  'EnableVgwRoutePropagation',
  'DisableVgwRoutePropagation',
  'EnableRouteServerPropagation',
  'DisableRouteServerPropagation',
  'CreateVpcEndpoint',
  'ModifyVpcEndpoint',
];

/**
 * Matches the CloudTrail events of calls that may have changed routes in `account`, made by anybody but `ownRoles`.
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
      eventName: routeCalls,
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
