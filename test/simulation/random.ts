/** A small seeded generator (sfc32, by Chris Doty-Humphrey): the same seed gives the same numbers for ever. */
export class Random {
  #a: number;
  #b: number;
  #c = 0x9e3779b9;
  #d = 1;

  /** `stream` keeps several generators of one seed apart, so that drawing from one never shifts the others. */
  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = (Math.floor(seed / 2 ** 32) ^ Math.imul(stream + 1, 0x85ebca6b)) | 0;
    for (let i = 0; i < 15; i++) this.next();
  }

  /** At least 0 and below 1. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return (sum >>> 0) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** A whole number whose order of magnitude is evenly spread: mostly near the least, now and then near the most. */
  skewed(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.next());
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    const picked = this.maybe(list);
    if (picked === undefined) throw new RangeError('nothing to pick from');
    return picked;
  }

  /** One of a list, if there is any. */
  maybe<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.next() * list.length)];
  }

  /** Some of a list, each with this probability. */
  some<T>(list: readonly T[], probability: number): T[] {
    return list.filter(() => this.chance(probability));
  }
}
