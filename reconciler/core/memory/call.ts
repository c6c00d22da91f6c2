import { createHash } from 'node:crypto';

/** Who made a call, as CloudTrail reports it. Only the ARN is certain: the rest is what the caller states. */
export interface Actor {
  /** The caller's ARN, or the AWS service that called. */
  readonly arn: string;
  /** An IP address, or the DNS name of an AWS service. */
  readonly sourceIp?: string;
  readonly userAgent?: string;
  /** The AWS service that called in the actor's name, such as `cloudformation.amazonaws.com`. */
  readonly invokedBy?: string;
}

/**
 * EC2's own report that the state of an instance changed. It is kept like a call under this name and the state, such as
 * `EC2 Instance State-change Notification: stopped`. It has no caller.
 */
export const instanceStateChange = 'EC2 Instance State-change Notification';

export const isStateChange = ({ name }: Pick<Reported, 'name'>): boolean => name.startsWith(instanceStateChange);

interface Reported {
  /** The id of the event. */
  readonly id: string;
  /** The API call, or `instanceStateChange`. */
  readonly name: string;
  /** ISO 8601, UTC, whole seconds: when the call was made. */
  readonly time: string;
  readonly actor?: Actor;
  /** The id, such as a target's, by which the table was found. Absent if the call named the table itself. */
  readonly via?: string;
}

/** What a call is about. */
export type Subject =
  | {
      /** A route of the table. */
      readonly about: 'route';
      /** The canonical destination. */
      readonly destination?: string;
      /** The target that the call asked for. */
      readonly target?: string;
    }
  | {
      /** Targets that come up or go down. */
      readonly about: 'target-up' | 'target-down';
      readonly ids: readonly string[];
    }
  | {
      /** What the table serves, or what its destinations mean. No repair can undo it. */
      readonly about: 'surroundings';
      /** One sentence. */
      readonly notice: string;
    }
  | {
      /** Anything else about the table, such as its tags. */
      readonly about: 'table';
    };

/** A call by others that concerns one route table, as an event reported it. */
export type ReportedCall = Reported & Subject;

/** The time since a call, in milliseconds but whole seconds: CloudTrail reports only the second of a call. */
export const msSinceCall = (calledAt: string, until: string): number =>
  Math.max(0, 1_000 * Math.floor((Date.parse(until) - Date.parse(calledAt)) / 1_000));

/** A reported call is kept for one day after it was made. */
export const callKeptMs = 24 * 60 * 60 * 1_000;

/** At most this many calls about a table are read: the newest. */
export const callsReadAtMost = 300;

/** The ids of calls as a memory keeps them, as short hashes: a table may have hundreds of calls. */
export const seenAs = (calls: readonly ReportedCall[]): readonly string[] => calls.map(shortId);

/** The calls that no earlier reconcile has read. This is exact: it compares ids, not times. */
export const unseen = (calls: readonly ReportedCall[], seen: readonly string[] = []): readonly ReportedCall[] => {
  const known = new Set(seen);
  return calls.filter((call) => !known.has(shortId(call)));
};

const shortId = ({ id }: ReportedCall): string => createHash('sha256').update(id).digest('base64url').slice(0, 10);
