import { z } from 'zod';
import { type ReportedCall, instanceStateChange } from '../../core/memory/call.ts';
import type { Call } from '../../wake.ts';

const stateShape = z.enum(['running', 'stopping', 'stopped', 'shutting-down', 'terminated']);

/** The states in which an instance is up or down. A `pending` instance is neither. */
export const instanceStates = stateShape.options;

const eventShape = z.looseObject({
  'detail-type': z.literal(instanceStateChange),
  id: z.string().max(200),
  time: z.iso.datetime(),
  detail: z.looseObject({
    'instance-id': z.string().regex(/^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$/),
    state: stateShape,
  }),
});

/**
 * Reads EC2's own report that the state of an instance changed. It needs no trail, and it reports what no call does: a
 * crash, or a stop from inside. It names no caller, so it never names an actor.
 *
 * Never throws. Returns undefined for an event of unknown shape, and for a state that is neither up nor down.
 */
export function instanceChange(event: unknown): Call | undefined {
  const parsed = eventShape.safeParse(event);
  if (!parsed.success) return undefined;
  const { id, time, detail } = parsed.data;
  const { 'instance-id': instance, state } = detail;
  const name = `${instanceStateChange}: ${state}`;
  const call: ReportedCall = {
    id,
    name,
    time,
    about: state === 'running' ? 'target-up' : 'target-down',
    ids: [instance],
  };
  return { routeTableIds: [], call, others: [{ id: instance, call: { ...call, via: instance } }] };
}
