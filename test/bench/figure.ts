/** A figure, and what it must reach. Smaller is better. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The largest value that is good enough. */
  readonly reach: number;
  readonly ok: boolean;
  /** It comes from a clock, so it differs from run to run and from machine to machine. */
  readonly timed: boolean;
}

/** @param kind `timed` if the value comes from a clock */
export const figure = (name: string, value: number, unit: string, reach: number, kind?: 'timed'): Figure => ({
  name,
  value: Math.round(value * 1_000) / 1_000,
  unit,
  reach,
  ok: value <= reach,
  timed: kind === 'timed',
});
