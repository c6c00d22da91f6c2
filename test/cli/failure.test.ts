import { describe, expect, it } from 'vitest';
import { failedCall } from '../../cli/failure.ts';

const named = (name: string, message: string, more: object = {}): Error =>
  Object.assign(new Error(message), { name, ...more });

describe('failedCall', () => {
  it.each([
    [
      'a denial, without its encoded details',
      named(
        'UnauthorizedOperation',
        `You are not authorized to perform this operation. Encoded authorization failure message: ${'x'.repeat(5_000)}`,
      ),
      'the AWS credentials do not allow this call: they need ec2:DescribeRouteTables (You are not authorized to perform this operation)',
    ],
    [
      'a denial in another spelling',
      named('AccessDenied', 'no'),
      'the AWS credentials do not allow this call: they need ec2:DescribeRouteTables (no)',
    ],
    [
      'expired credentials',
      named('ExpiredToken', 'The security token is expired'),
      'the AWS credentials have expired: renew them and check the clock of this machine (The security token is expired)',
    ],
    [
      'an expired SSO session, with its own advice',
      named('CredentialsProviderError', "Token is expired. To refresh this SSO session run 'aws sso login'."),
      "the AWS credentials could not be loaded (Token is expired. To refresh this SSO session run 'aws sso login')",
    ],
    [
      'credentials that EC2 rejects',
      named('AuthFailure', 'AWS was not able to validate the provided access credentials'),
      'AWS rejected the credentials: check them and the Region (AWS was not able to validate the provided access credentials)',
    ],
    [
      'throttling',
      named('RequestLimitExceeded', 'Request limit exceeded.'),
      'AWS is throttling this account: try again in a minute (Request limit exceeded)',
    ],
    [
      'a host with several addresses, none of which answers',
      Object.assign(new AggregateError([new Error('connect ECONNREFUSED ::1:1')]), { code: 'ECONNREFUSED' }),
      'AWS cannot be reached: check the network, the Region and AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_EC2 (connect ECONNREFUSED ::1:1)',
    ],
    [
      'a timeout',
      named('TimeoutError', 'Connection timed out'),
      'AWS did not answer in time: check the network and the endpoint (Connection timed out)',
    ],
    ['an unknown error', named('Strange', 'a\n  strange\tthing'), 'a strange thing'],
    ['a thrown value that is not an error', 'oops', 'oops'],
    ['an answer that would erase a line, with the control characters visible', 'a\u001B[2Kb', 'a\\u{1b}[2Kb'],
  ])('explains %s in one line', (_, error, explanation) => {
    const failure = failedCall('could not read', error);
    expect(failure.message).toBe(`could not read: ${explanation}`);
    expect(failure.cause).toBe(error);
  });
});
