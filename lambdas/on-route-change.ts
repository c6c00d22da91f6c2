import type { Context } from 'aws-lambda';
import { ec2Call } from '../reconciler/aws/ec2/cloudtrail.ts';
import { comesFromEc2 } from '../reconciler/aws/ec2/envelope.ts';
import { instanceChange } from '../reconciler/aws/ec2/instance-state.ts';
import { reconcileConcerned } from '../reconciler/wake.ts';
import { invocationOf, runtime } from './runtime.ts';

/**
 * Runs on EC2 calls that may have changed routes, or where routes lead, and on changes of the state of an instance:
 * event → route tables → reconcile.
 */
export async function handler(event: unknown, context: Context): Promise<void> {
  const { world, accountId, region, eventSources: sources } = runtime();
  if (!comesFromEc2(event, { sources, accountId, region })) {
    world.log.error('ignored an event that EC2 did not send in this account and Region');
    return;
  }
  const call = ec2Call(event, accountId) ?? instanceChange(event);
  if (!call) return;
  await reconcileConcerned(call, world, invocationOf(context));
}
