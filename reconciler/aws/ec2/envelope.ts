import { z } from 'zod';

const envelope = z.looseObject({ source: z.string(), account: z.string(), region: z.string() });

/**
 * Whether EventBridge delivered an event that EC2 sent in this account and Region. Only AWS can send events whose source
 * begins with `aws.`. A direct invocation can claim all of it, so permission to invoke the function is permission to name an actor.
 *
 * @param sources `aws.ec2`, or its stand-in in a local stack
 */
export function comesFromEc2(
  event: unknown,
  {
    sources,
    accountId,
    region,
  }: { readonly sources: readonly string[]; readonly accountId: string; readonly region: string },
): boolean {
  const { data } = envelope.safeParse(event);
  return data !== undefined && data.account === accountId && data.region === region && sources.includes(data.source);
}
