/** An error of EC2, in the shape that the AWS SDK throws. */
export class Ec2Error extends Error {
  readonly $fault: 'client' | 'server';
  readonly $metadata: { readonly httpStatusCode: number };

  constructor(code: string, message: string, status = statusOf(code)) {
    super(message);
    this.name = code;
    this.$fault = status < 500 ? 'client' : 'server';
    this.$metadata = { httpStatusCode: status };
  }
}

/** The SDK's error after a timeout. Without an answer, it has no status. */
export class LostAnswer extends Error {
  override readonly name = 'TimeoutError';
}

function statusOf(code: string): number {
  if (code === 'UnauthorizedOperation') return 403;
  if (code === 'RequestLimitExceeded' || code === 'Unavailable') return 503;
  return code === 'InternalError' ? 500 : 400;
}
