import { type AddressRange, type Cidr, everyAddress, halvesOf, rangeOf } from './cidr.ts';

/** A block without some blocks inside it. */
export interface Area {
  readonly block: Cidr;
  readonly except: readonly Cidr[];
}

/** The shortest notations of the wanted addresses of a block, and of the others. */
interface Notation {
  /** The wanted addresses. */
  readonly areas: readonly Area[];
  /** The same, if the whole block is taken: what to except, and areas inside what is excepted. */
  readonly except: readonly Cidr[];
  readonly inside: readonly Area[];
}

const lengthOf = (areas: readonly Area[]): number => areas.reduce((sum, { except }) => sum + 1 + except.length, 0);

/**
 * The shortest list of areas that are together exactly these ranges. An area may lie inside an exception of another one.
 * No other list names fewer blocks and exceptions.
 *
 * Time is linear in the number of ranges times the length of an address.
 *
 * @param ranges of one family, in order; they do not overlap
 */
export function areasOf(kind: Cidr['kind'], ranges: readonly AddressRange[]): readonly Area[] {
  return notationOf(everyAddress(kind), ranges, 0, ranges.length).areas;
}

/** @param from the first range that may reach into the block, and `to` the first one behind it */
function notationOf(block: Cidr, ranges: readonly AddressRange[], from: number, to: number): Notation {
  const { first, last } = rangeOf(block);
  const [one] = ranges.slice(from, from + 1);
  if (!one || from >= to) return { areas: [], except: [block], inside: [] };
  if (one.first <= first && one.last >= last) return { areas: [{ block, except: [] }], except: [], inside: [] };
  const halves = halvesOf(block);
  if (!halves) throw new TypeError(`a range ends inside ${block.cidr}`);
  const [lower, upper] = halves;
  const middle = rangeOf(upper).first;
  const lowerEnd = indexWhere(ranges, from, to, (range) => range.first >= middle);
  const upperStart = indexWhere(ranges, from, to, (range) => range.last >= middle);
  const [low, high] = [notationOf(lower, ranges, from, lowerEnd), notationOf(upper, ranges, upperStart, to)];
  const areas = [...low.areas, ...high.areas];
  const except = [...low.except, ...high.except];
  const inside = [...low.inside, ...high.inside];
  const split = lengthOf(areas);
  const whole = except.length + lengthOf(inside);
  if (whole + 1 < split) return { areas: [{ block, except }, ...inside], except, inside };
  if (split + 1 < whole) return { areas, except: [block], inside: areas };
  return { areas, except, inside };
}

/** The first index from `from` where something holds that holds for all later ranges as well; else `to`. */
function indexWhere(
  ranges: readonly AddressRange[],
  from: number,
  to: number,
  holds: (range: AddressRange) => boolean,
): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const range = ranges[middle];
    if (range && holds(range)) high = middle;
    else low = middle + 1;
  }
  return low;
}
