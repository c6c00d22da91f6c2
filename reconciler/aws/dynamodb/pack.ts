import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';

// A table's 2,000 routes share their targets, actors and times, and repeat their destinations. gzip alone finds only what
// repeats within 32 KB.

/**
 * Packs JSON: each text, and each actor, is written once and numbered. In its place stands its number, and a number is
 * written as text.
 */
export function pack(value: unknown): Uint8Array {
  const texts = new Numbered();
  const body = encoded(value, texts);
  return gzipSync(JSON.stringify([texts.values, body]), { level: 9 });
}

/** Nothing that we pack is larger than this, in bytes: 2,000 routes on their worst day take 2.5 MB. */
const unpackedAtMost = 4_000_000;

/** Whether `unpack` takes what `pack` made. The last 4 bytes of gzip are the size of its content. */
export const isUnpackable = (packed: Uint8Array): boolean =>
  new DataView(packed.buffer, packed.byteOffset, packed.byteLength).getUint32(packed.byteLength - 4, true) <=
  unpackedAtMost;

/** @throws Error when `packed` is anything but what `pack` made, or unpacks to more than 4 MB */
export function unpack(packed: unknown): unknown {
  const bytes = z.instanceof(Uint8Array).parse(packed);
  // 400 KB of zeros unpack to 400 MB, which is nearly all the memory of a function.
  const json = gunzipSync(bytes, { maxOutputLength: unpackedAtMost }).toString();
  const [texts, body] = packedShape.parse(JSON.parse(json));
  return decoded(body, texts);
}

const packedShape = z.tuple([z.array(z.union([z.string(), z.looseObject({ arn: z.string() })])), z.unknown()]);

type Text = string | object;

function encoded(value: unknown, texts: Numbered): unknown {
  if (typeof value === 'string') return texts.numberOf(value);
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.map((one) => encoded(one, texts));
  if (typeof value !== 'object' || value === null) return value;
  if ('arn' in value) return texts.numberOf(value);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, encoded(one, texts)]));
}

function decoded(value: unknown, texts: readonly Text[]): unknown {
  if (typeof value === 'number') return textAt(value, texts);
  if (typeof value === 'string') return Number(value);
  if (Array.isArray(value)) return value.map((one) => decoded(one, texts));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, decoded(one, texts)]));
}

function textAt(number: number, texts: readonly Text[]): Text {
  const text = texts[number];
  if (text === undefined) throw new RangeError(`there are ${texts.length} texts, and none has the number ${number}`);
  return text;
}

/** Numbers texts and actors in the order in which they come. */
class Numbered {
  readonly values: Text[] = [];
  readonly #texts = new Map<string, number>();
  readonly #actors = new Map<string, number>();

  numberOf(value: Text): number {
    const [numbers, key] = typeof value === 'string' ? [this.#texts, value] : [this.#actors, JSON.stringify(value)];
    const before = numbers.get(key);
    if (before !== undefined) return before;
    numbers.set(key, this.values.length);
    return this.values.push(value) - 1;
  }
}
