import { describe, expect, it } from 'vitest';
import { itemOf, statusOf } from '../../../reconciler/aws/status-item.ts';
import { type Status, holdFields } from '../../../reconciler/core/status.ts';
import { now } from '../../support/builders.ts';
import { itemLimit, itemSize } from '../../support/dynamodb.ts';
import { status } from '../../support/store-contract.ts';

const at = now.toISOString();

/** A table as full as EC2 lets it be, where nothing goes well: every route is ours, refused, fought over and on trial. */
function worst(): Status {
  const target = 'arn:aws:networkmanager::111122223333:core-network/core-network-0123456789abcdef0';
  const message = 'A long story about why this route cannot be. '.repeat(10);
  const by = Array.from({ length: 5 }, (_, n) => ({
    arn: `arn:aws:sts::111122223333:assumed-role/network-deployment-${n}/session-0123456789abcdef0`,
    sourceIp: '203.0.113.77',
    userAgent: 'APN/1.0 HashiCorp/1.0 Terraform/1.9.5 (+https://www.terraform.io) terraform-provider-aws/5.67.0',
  }));
  const hex = (n: number): string => (n + 4096).toString(16);
  const destinations = Array.from({ length: 2_000 }, (_, n) => `2001:db8:abcd:ef01:2345:6789:abcd:${hex(n)}/128`);
  const routes = destinations.map((destination) => ({ destination, target }));
  return {
    ...status,
    listed: destinations,
    owned: routes,
    indexed: destinations.map((_, n) => `eni-0123456789abc${hex(n)}`),
    recentWrites: routes,
    replaced: routes.map((route) => ({ ...route, deadSince: at })),
    approval: { at, by: 'alice', routes },
    ...(status.plan && {
      plan: { ...status.plan, blocked: { code: 'first-deletes' as const, message, deletes: destinations } },
    }),
    ...holdFields({
      failures: destinations.map((destination) => ({
        action: 'replace',
        destination,
        from: target,
        to: target,
        kind: 'rejected',
        code: 'InvalidParameterValue',
        message,
        remedy: message,
        attempts: 12,
        nextRetry: at,
      })),
      heals: routes.map((route) => ({
        ...route,
        at: Array.from({ length: 8 }, () => at),
        by,
        contest: { since: at, until: at, waitMs: 3_600_000 },
        quietSince: at,
      })),
    }),
  };
}

describe('the item of a status', () => {
  it('fits DynamoDB and forgets nothing, as bad as it may be', () => {
    const item = itemOf(worst());
    expect(itemSize(item)).toBeLessThan(itemLimit);
    expect(statusOf(item)).toEqual(worst());
  });

  it('shows every field for as long as there is room', () => {
    expect(itemOf(status)).toEqual({ ...status, item: 'status' });
  });

  it.each([
    ['no such thing', 'text'],
    ['broken', new Uint8Array([1, 2, 3])],
  ])('is unreadable when what was packed is %s', (_, packed) => {
    expect(statusOf({ ...itemOf(status), packed })).toBeUndefined();
  });
});
