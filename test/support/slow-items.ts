export const many = <T>(count: number, of: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => of(n));
export const block = (n: number): string => `${10 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}.0/24`;
export const route = (n: number) => ({ destination: block(n), target: 'pcx-aaaaaaaa' });

/** Items that somebody made to keep the functions busy. DynamoDB takes up to 400 KB. */
export const slowItems: readonly (readonly [string, object])[] = [
  ['13,000 scope entries and 4,000 routes', { routes: many(4_000, route), scope: many(13_000, block) }],
  [
    'as many entries as are accepted, all in conflict',
    {
      routes: many(1_000, route),
      scope: many(200, (n) => block(70_000 + n)),
      ignore: many(200, () => ({ target: '*p*c*x*a*a*b', reason: 'x' })),
    },
  ],
  ['20,000 unknown fields', Object.fromEntries(many(20_000, (n) => [`field${n}`, n]))],
  ['a destination of 390 KB', { routes: [{ destination: ':'.repeat(390_000), target: 'a:'.repeat(100) }] }],
  ['a target of 390 KB', { routes: [{ destination: '10.0.0.0/8', target: `arn:aws${'-a'.repeat(195_000)}` }] }],
  ['a time of 390 KB', { paused: { reason: 'x', until: `2027-01-31T00:00:00.${'0'.repeat(390_000)}` } }],
  ['an id of 390 KB', { routeTableId: `rtb-${'0'.repeat(390_000)}` }],
];
