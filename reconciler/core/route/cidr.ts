import { isIP } from 'node:net';
import { parseIp, stringifyIp } from 'ip-bigint';

/** A CIDR block in canonical form: host bits are zero, IPv4 has no leading zeros, IPv6 follows RFC 5952. */
export interface Cidr {
  readonly kind: 'ipv4' | 'ipv6';
  /** The canonical text; equal blocks have equal text. */
  readonly cidr: string;
}

/** The result of `parseCidr`. `hostBits` says whether host bits were set in the text; the block has them cleared. */
export type ParsedCidr =
  | { readonly ok: true; readonly block: Cidr; readonly hostBits: boolean }
  | { readonly ok: false; readonly expected: string };

interface Block {
  readonly kind: 'ipv4' | 'ipv6';
  readonly address: bigint;
  readonly prefixLength: number;
}

const addressBits = { ipv4: 32, ipv6: 128 } as const;

// This is stricter than address libraries: some read `010.0.0.0` as octal, others accept zone ids or a missing length.
const shape = /^([0-9a-fA-F:.]{2,45})\/(0|[1-9]\d{0,2})$/;

/**
 * Parses an IPv4 or IPv6 CIDR block into canonical form. Clears host bits, as EC2 does on create.
 *
 * Pure and total. Text that is not a CIDR block gives `ok: false` and says what was expected.
 */
export function parseCidr(text: string): ParsedCidr {
  const [, addressText = '', lengthText = ''] = shape.exec(text) ?? [];
  const version = isIP(addressText);
  if (version === 0) return { ok: false, expected: expectation(text) };
  const kind = version === 4 ? 'ipv4' : 'ipv6';
  const prefixLength = Number(lengthText);
  if (prefixLength > addressBits[kind]) {
    return { ok: false, expected: `a prefix length of at most ${addressBits[kind]}` };
  }
  const { number: address } = parseIp(addressText);
  const block = masked({ kind, address, prefixLength });
  return { ok: true, block: spelled(block), hostBits: block.address !== address };
}

function expectation(text: string): string {
  if (text.includes('%')) return 'an IPv6 CIDR block without a zone id, such as 2001:db8::/32';
  if (isIP(text) !== 0) return `a prefix length after the address, such as ${text}/${isIP(text) === 4 ? 32 : 128}`;
  if (/^0\d|\.0\d/.test(text)) return 'an IPv4 CIDR block without leading zeros, such as 10.0.0.0/8';
  return 'an IPv4 or IPv6 CIDR block, such as 10.0.0.0/16 or 2001:db8::/32';
}

/** Parses one address into the block that contains only it. */
export function parseAddress(text: string): ParsedCidr {
  const version = isIP(text);
  const parsed = parseCidr(`${text}/${version === 4 ? addressBits.ipv4 : addressBits.ipv6}`);
  return version === 0 || !parsed.ok
    ? { ok: false, expected: 'one IPv4 or IPv6 address, such as 10.0.0.7 or 2001:db8::7' }
    : parsed;
}

/** Whether a block contains one address only. */
export const isOneAddress = ({ kind, cidr }: Cidr): boolean => cidr.endsWith(`/${addressBits[kind]}`);

/** Consecutive addresses of one family. Both ends belong to the range. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** All addresses of a family, as a block. */
export const everyAddress = (kind: Cidr['kind']): Cidr => spelled({ kind, address: 0n, prefixLength: 0 });

/** The addresses of a block. */
export function rangeOf(block: Cidr): AddressRange {
  const { address, last } = read(block);
  return { first: address, last };
}

/** The two halves of a block. Undefined if it contains one address only. */
export function halvesOf(block: Cidr): readonly [Cidr, Cidr] | undefined {
  if (isOneAddress(block)) return undefined;
  const lower = { ...read(block), prefixLength: read(block).prefixLength + 1 };
  const size = 1n << BigInt(addressBits[block.kind] - lower.prefixLength);
  return [spelled(lower), spelled({ ...lower, address: lower.address + size })];
}

/** Whether a canonical IPv6 block lies in `::ffff:0:0/96`, the range of IPv4-mapped addresses. */
export const isIpv4Mapped = (block: Cidr): boolean => contains({ kind: 'ipv6', cidr: '::ffff:0.0.0.0/96' }, block);

/** Whether `inner` is equal to `outer` or lies inside it. Blocks of different families never contain each other. */
export function contains(outer: Cidr, inner: Cidr): boolean {
  if (outer.kind !== inner.kind) return false;
  const whole = read(outer);
  const part = read(inner);
  return whole.prefixLength <= part.prefixLength && whole.address <= part.address && part.address <= whole.last;
}

/** All larger blocks that contain this one, as canonical text, smallest first: at most 32 for IPv4, 128 for IPv6. */
export function* supernets(block: Cidr): Generator<string, undefined> {
  const inner = read(block);
  for (let prefixLength = inner.prefixLength - 1; prefixLength >= 0; prefixLength--) {
    yield spell(masked({ ...inner, prefixLength }));
  }
  return undefined;
}

/** A sort key that orders blocks of one family by numeric address, then by prefix length. */
export function sortKey(block: Cidr): string {
  const { address, prefixLength } = read(block);
  return `${address.toString(16).padStart(32, '0')}/${String(prefixLength).padStart(3, '0')}`;
}

/**
 * The numbers of the blocks read last, by their text. A plan compares a block with up to 200 others; the text of a block
 * has only one meaning.
 */
const numbers = new Map<string, Block & { readonly last: bigint }>();
const numbersAtMost = 5_000;

function read(block: Cidr): Block & { readonly last: bigint } {
  const known = numbers.get(block.cidr);
  if (known) return known;
  const { kind, cidr } = block;
  const slash = cidr.indexOf('/');
  const prefixLength = Number(cidr.slice(slash + 1));
  // The text is canonical, so its address is valid.
  const address = parseIp(cidr.slice(0, slash), { validate: false }).number;
  const last = address + (1n << BigInt(addressBits[kind] - prefixLength)) - 1n;
  const made = { kind, address, prefixLength, last };
  if (numbers.size >= numbersAtMost) numbers.clear();
  numbers.set(cidr, made);
  return made;
}

function masked(block: Block): Block {
  const hostBits = BigInt(addressBits[block.kind] - block.prefixLength);
  return { ...block, address: (block.address >> hostBits) << hostBits };
}

const spelled = (block: Block): Cidr => ({ kind: block.kind, cidr: spell(block) });

function spell({ kind, address, prefixLength }: Block): string {
  // RFC 5952, section 5: an IPv4-mapped address ends in its dotted IPv4 address.
  const ipv4mapped = kind === 'ipv6' && address >> 32n === 0xffffn;
  return `${stringifyIp({ number: address, version: kind === 'ipv4' ? 4 : 6, ipv4mapped })}/${prefixLength}`;
}
