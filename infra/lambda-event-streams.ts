/**
 * Takes the place of `@smithy/core/event-streams` in the bundles. No operation that the functions call streams events,
 * and the SDK loads that module by a dynamic import, which keeps the whole of it and everything that it imports.
 */
export const resolveEventStreamSerdeConfig = <T>(config: T): T => config;

export const eventStreamSerdeProvider = (): never => {
  throw new Error('an operation streams events: leave @smithy/core/event-streams in the bundles (infra/build.ts)');
};

/** The SDK calls it with `new`. */
export function EventStreamSerde(): never {
  return eventStreamSerdeProvider();
}
