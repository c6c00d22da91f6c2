/** Who made a call, as CloudTrail tells it. All of it is the caller's word but the ARN. */
export interface Actor {
  /** The caller's ARN, or the AWS service that called. */
  readonly arn: string;
  /** An IP address, or the DNS name of an AWS service. */
  readonly sourceIp?: string;
  readonly userAgent?: string;
  /** The AWS service that called in the actor's name, such as `cloudformation.amazonaws.com`. */
  readonly invokedBy?: string;
}

/** What woke a reconcile. */
export interface Trigger {
  readonly kind: 'event' | 'desired' | 'sweep' | 'requeue' | 'person';
  /** The CloudTrail event id, stream sequence number or message id. */
  readonly id?: string;
  /** The API call, for an event; `REMOVE` for a deleted item. */
  readonly name?: string;
  /** ISO 8601, UTC: when it happened, not when we heard of it. */
  readonly time?: string;
  readonly actor?: Actor;
  /** The canonical destination that the call was about. */
  readonly destination?: string;
  /** The target that the call asked for, as far as it names one. */
  readonly target?: string;
  /** The id, such as a target's, by which the table was found: the call did not name the table itself. */
  readonly via?: string;
  /** The targets that the call lets come up, or makes others of: what was a blackhole may be none from then on. */
  readonly cameUp?: readonly string[];
  /** One sentence, where the call changed what the table means and nothing that can be healed. */
  readonly notice?: string;
}

/** The name of a `desired` trigger by which an item was deleted, as DynamoDB's streams name that. */
export const itemWasDeleted = 'REMOVE';

export const tellsOfDeletion = ({ kind, name }: Trigger): boolean => kind === 'desired' && name === itemWasDeleted;

/** The ids of the deletions that triggers tell of. */
export const deletionsIn = (triggers: readonly Trigger[]): readonly string[] =>
  triggers.filter(tellsOfDeletion).flatMap(({ id }) => id ?? []);
