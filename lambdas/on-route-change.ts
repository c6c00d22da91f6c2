import type { Context } from 'aws-lambda';
import { ec2Call } from '../reconciler/aws/ec2/cloudtrail.ts';
import { comesFromEc2 } from '../reconciler/aws/ec2/envelope.ts';
import { reconcileConcerned } from '../reconciler/wake.ts';
import { invocationOf, runtime } from './runtime.ts';

/** Runs on EC2 calls that may have changed routes, or where routes lead: event → route tables → reconcile. */
export async function handler(event: unknown, context: Context): Promise<void> {
  const { world, accountId, eventSources: sources } = runtime();
  if (!comesFromEc2(event, { sources, accountId })) {
    world.log.error('ignored an event that EC2 did not send in this account');
    return;
  }
  const call = ec2Call(event, accountId);
  if (!call) return;
  await reconcileConcerned(call, world, invocationOf(context));
}
