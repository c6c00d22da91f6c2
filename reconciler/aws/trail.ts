/** A trail of this account or of its organization, as far as it reaches this Region. */
export interface Trail {
  readonly name: string;
  readonly isLogging: boolean;
  /** It records management events that change something, those of EC2 included. */
  readonly recordsWrites: boolean;
}

/** Whether events of EC2 calls reach EventBridge thanks to this trail. */
export const isEnough = ({ isLogging, recordsWrites }: Trail): boolean => isLogging && recordsWrites;

/**
 * The trails that could be read. An account may not read the trails of its organization, and does not have to if one of
 * its own is enough.
 *
 * @throws the first failure, unless one of the others is enough
 */
export function enoughOf(read: readonly PromiseSettledResult<Trail>[]): readonly Trail[] {
  const trails = read.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  const failed = read.find((one) => one.status === 'rejected');
  if (failed && !trails.some(isEnough)) throw failed.reason;
  return trails;
}
