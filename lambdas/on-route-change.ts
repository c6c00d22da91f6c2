import type { Context } from 'aws-lambda';
import { routeTableCall } from '../reconciler/aws/cloudtrail.ts';
import { reconcileEach } from '../reconciler/reconcile.ts';
import { invocationOf, runtime } from './runtime.ts';

/** Wakes on EC2 calls that may have changed routes: event → route tables → reconcile. */
export async function handler(event: unknown, context: Context): Promise<void> {
  const { world, accountId } = runtime();
  const call = routeTableCall(event, accountId);
  if (!call) return;
  await reconcileEach(call.routeTableIds, call.trigger, world, invocationOf(context));
}
