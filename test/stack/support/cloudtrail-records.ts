import { randomUUID } from 'node:crypto';
import { accountId, region } from '../../../local/emulators.ts';

/** The ARN of a person who makes calls. */
export const arnOf = (user: 'alice' | 'bob'): string => `arn:aws:iam::${accountId}:user/${user}`;

/** A CloudTrail record of an EC2 call that names a table, with the fields that the reconciler requires. */
export const callOn = (routeTableId: string, detail: object = {}): object => ({
  eventSource: 'ec2.amazonaws.com',
  eventName: 'AssociateRouteTable',
  eventID: randomUUID(),
  eventTime: new Date().toISOString(),
  recipientAccountId: accountId,
  userIdentity: { type: 'IAMUser', arn: arnOf('bob') },
  requestParameters: { routeTableId },
  ...detail,
});

/** The event that EventBridge sends for a CloudTrail record. */
export const eventOf = (detail: unknown): object => ({
  source: 'local.ec2',
  account: accountId,
  region,
  'detail-type': 'AWS API Call via CloudTrail',
  detail,
});
