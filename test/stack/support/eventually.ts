import { vi } from 'vitest';

/**
 * Looks again and again until `look` no longer throws, and returns what it returned.
 *
 * @throws what `look` threw last, when `seconds` have passed
 */
export const eventually = <T>(look: () => Promise<T>, { seconds = 20 } = {}): Promise<T> =>
  vi.waitFor(look, { timeout: seconds * 1_000, interval: 100 });
