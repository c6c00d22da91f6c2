/** A count with its noun: `1 route`, `2 routes`. For nouns with a plural in `s`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
