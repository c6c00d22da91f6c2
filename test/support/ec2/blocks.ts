import { Address4, Address6 } from 'ip-address';

// Uses a different library from the product, so that the two do not share mistakes.

/** A CIDR block in EC2's spelling, with host bits cleared; undefined if the text is not a block of that family. */
export function canonicalBlock(text: string, family: 'ipv4' | 'ipv6'): string | undefined {
  if (!text.includes('/')) return undefined;
  const address = read(text, family);
  return address && `${address.startAddress().correctForm()}/${address.subnetMask}`;
}

/** Whether a block equals another block or lies inside it. */
export function isInside(inner: string, outer: string): boolean {
  const family = familyOf(inner);
  if (family !== familyOf(outer)) return false;
  if (family === 'ipv4') return new Address4(inner).isInSubnet(new Address4(outer));
  return new Address6(inner).isInSubnet(new Address6(outer));
}

export const familyOf = (block: string): 'ipv4' | 'ipv6' => (block.includes(':') ? 'ipv6' : 'ipv4');

function read(text: string, family: 'ipv4' | 'ipv6'): Address4 | Address6 | undefined {
  if (family === 'ipv4') return Address4.isValid(text) ? new Address4(text) : undefined;
  // A zone id can be part of an address but not of a block.
  return Address6.isValid(text) && !text.includes('%') ? new Address6(text) : undefined;
}
