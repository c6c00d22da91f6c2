import { vi } from 'vitest';

/**
 * Calls `look` again and again until it does not throw, and returns its result.
 *
 * @throws the last error of `look`, after `seconds`
 */
export const eventually = <T>(look: () => Promise<T>, { seconds = 20 } = {}): Promise<T> =>
  vi.waitFor(look, { timeout: seconds * 1_000, interval: 100 });
