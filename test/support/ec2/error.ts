/** A refusal in the shape in which the AWS SDK throws it. */
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

/** What the SDK throws when it gave up waiting: there was no answer, so there is no status either. */
export class LostAnswer extends Error {
  override readonly name = 'TimeoutError';
}

function statusOf(code: string): number {
  if (code === 'UnauthorizedOperation') return 403;
  if (code === 'RequestLimitExceeded' || code === 'Unavailable') return 503;
  return code === 'InternalError' ? 500 : 400;
}
