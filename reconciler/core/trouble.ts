import type { Status } from './status.ts';

const failurePhases: ReadonlySet<string> = new Set(['Failed', 'Invalid', 'Missing']);

/** Whether a table as a whole is not as desired until somebody does something. */
export const isFailed = (status: Status | undefined): boolean =>
  status !== undefined && failurePhases.has(status.phase);

/** So often in a row a change fails in a passing way until it no longer seems to pass. */
const triesUntilLasting = 3;

/** What newly keeps a table from being as desired: phases, refusals that last, and destinations held by others. */
export function troubleIn(
  status: Status,
  before: Status | undefined,
): { readonly isNew: boolean; readonly lasting: number } {
  const known = new Set(lastingIn(before));
  const lasting = lastingIn(status).filter((trouble) => !known.has(trouble)).length;
  const isNew = isFailed(status) && (status.phase !== before?.phase || lasting > 0);
  return { isNew, lasting };
}

function lastingIn(status: Status | undefined): readonly string[] {
  if (!status || !isFailed(status)) return [];
  if (status.phase !== 'Failed') return [`${status.phase} ${status.phase === 'Invalid' ? status.reason : ''}`];
  const lasting = status.failures.filter(
    ({ kind, attempts }) => kind === 'rejected' || kind === 'denied' || attempts >= triesUntilLasting,
  );
  const held = (status.plan?.findings ?? []).filter(({ code }) => heldCodes.has(code));
  return [
    ...lasting.map(({ action, destination, to }) => `${action} ${destination} ${to}`),
    ...held.map(({ code, destination }) => `${code} ${destination}`),
  ];
}

/** Findings by which a table stays out of sync; that a heal led into a blackhole is counted with the blackholes. */
const heldCodes: ReadonlySet<string> = new Set(['not-ours', 'no-local-route', 'local-override-left']);
