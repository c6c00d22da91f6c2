/** The states that EC2 reports after a call about instances, in order. */
const statesAfter: Readonly<Record<string, readonly string[]>> = {
  RunInstances: ['running'],
  StartInstances: ['running'],
  StopInstances: ['stopping', 'stopped'],
  TerminateInstances: ['shutting-down', 'terminated'],
};

/** A new state of an instance, as EC2 reports it. */
export interface InstanceState {
  readonly instanceId: string;
  readonly state: string;
}

/** What EC2 reports of the instances in the answer to a call. moto changes them at once, and reports nothing. */
export function instanceStatesAfter(action: string, answer: string): readonly InstanceState[] {
  const instances = new Set([...answer.matchAll(/<instanceId>(i-[0-9a-f]+)</g)].map(([, id = '']) => id));
  const states = Object.hasOwn(statesAfter, action) ? (statesAfter[action] ?? []) : [];
  return states.flatMap((state) => [...instances].map((instanceId) => ({ instanceId, state })));
}
