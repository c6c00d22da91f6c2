/** On-demand prices in US dollars in us-east-1, as listed by AWS in November 2026. docs/cost.md links the pages. */
const prices = {
  readUnits: 0.125 / 1e6,
  writeUnits: 0.625 / 1e6,
  lambdaGbSeconds: 0.0000133334,
  lambdaRequests: 0.2 / 1e6,
  queueRequests: 0.4 / 1e6,
  metrics: 0.3,
  alarms: 0.1,
  logGb: 0.5,
  keys: 1,
} as const;

const hoursPerMonth = 730;

/** Lambda polls a quiet queue with five parallel calls of 20 seconds each (Lambda Developer Guide, Amazon SQS). */
const pollsPerHour = 5 * 3 * 60;

/** Counts and sizes of an idle fleet. Sizes are in bytes, as JSON. */
export interface Counted {
  readonly tables: number;
  readonly sweepsPerHour: number;
  readonly itemBytes: number;
  readonly statusBytes: number;
  /** The size of the index entry that marks a table as managed. */
  readonly indexBytes: number;
  /** How many metrics received data in an idle hour. */
  readonly metrics: number;
  readonly alarms: number;
  /** Assumed, not measured: the duration of a sweep, the memory of a function, and the log volume of a sweep. */
  readonly sweepSeconds: number;
  readonly memoryGb: number;
  readonly logBytesPerSweep: number;
}

/** The amount of one thing, and what it costs. */
export interface Cost {
  readonly thing: string;
  readonly amount: number;
  readonly dollars: number;
}

/** DynamoDB read units: one per 4 KB; an eventually consistent read counts half. */
const readUnits = (bytes: number): number => Math.ceil(bytes / 4_096) / 2;

/** The cost of an idle fleet in a month of 730 hours, most expensive first. */
export function monthlyCost(counted: Counted): readonly Cost[] {
  const { tables, itemBytes, statusBytes, indexBytes } = counted;
  const sweeps = counted.sweepsPerHour * hoursPerMonth;
  // A scan and a query are billed by the bytes they read, and twice as much if consistent. A batch is billed per item;
  // a key without an item costs half a unit.
  const bulk = readUnits(tables * itemBytes) + 2 * readUnits(tables * indexBytes);
  // Beside each status: the sweep's own record, and a scan of orders.
  const perSweep = bulk + tables * readUnits(statusBytes) + 2;
  const rows = [
    { thing: 'DynamoDB read units', amount: sweeps * perSweep, price: prices.readUnits },
    { thing: 'DynamoDB write units', amount: sweeps, price: prices.writeUnits },
    {
      thing: 'Lambda GB-seconds (arm64)',
      amount: sweeps * counted.sweepSeconds * counted.memoryGb,
      price: prices.lambdaGbSeconds,
    },
    { thing: 'Lambda requests', amount: sweeps, price: prices.lambdaRequests },
    { thing: 'SQS requests', amount: pollsPerHour * hoursPerMonth, price: prices.queueRequests },
    { thing: 'CloudWatch metrics', amount: counted.metrics, price: prices.metrics },
    { thing: 'CloudWatch alarms', amount: counted.alarms, price: prices.alarms },
    { thing: 'CloudWatch log GB', amount: (sweeps * counted.logBytesPerSweep) / 1e9, price: prices.logGb },
    { thing: 'KMS key', amount: 1, price: prices.keys },
  ];
  return rows
    .map(({ thing, amount, price }) => ({ thing, amount, dollars: amount * price }))
    .sort((a, b) => b.dollars - a.dollars);
}

/**
 * Costs that an idle fleet does not have, each by itself. Assumes 1 s for a refresh of the dashboard and 0.1 s for a
 * call on an unmanaged table.
 */
export function costBesides({ tables, itemBytes, statusBytes, memoryGb }: Counted): readonly Cost[] {
  const invocation = (seconds: number): number => prices.lambdaRequests + seconds * memoryGb * prices.lambdaGbSeconds;
  // Each refresh reads everything again: a scan of the items, every status, the last sweep, a scan of orders.
  const refresh = (readUnits(tables * itemBytes) + tables * readUnits(statusBytes) + 2) * prices.readUnits;
  // The key of the table in the index and its item are absent; reading them consistently costs two read units.
  const look = 2 * prices.readUnits + (1_000 / 1e9) * prices.logGb;
  const rows = [
    { thing: 'refreshes of a dashboard, one per minute', amount: 60 * hoursPerMonth, price: refresh + invocation(1) },
    { thing: 'calls on unmanaged tables', amount: 1e6, price: look + invocation(0.1) },
  ];
  return rows.map(({ thing, amount, price }) => ({ thing, amount, dollars: amount * price }));
}
