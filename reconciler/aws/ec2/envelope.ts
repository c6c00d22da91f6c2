import { z } from 'zod';

const envelope = z.looseObject({ source: z.string(), account: z.string() });

/**
 * Whether EventBridge delivered an event that EC2 sent in this account. Only AWS can send events whose source begins with
 * `aws.`. A direct invocation can claim both, so permission to invoke the function is permission to name an actor.
 *
 * @param sources `aws.ec2`, or its stand-in in a local stack
 */
export function comesFromEc2(
  event: unknown,
  { sources, accountId }: { readonly sources: readonly string[]; readonly accountId: string },
): boolean {
  const { data } = envelope.safeParse(event);
  return data !== undefined && data.account === accountId && sources.includes(data.source);
}
