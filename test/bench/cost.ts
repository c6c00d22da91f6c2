/** US dollars in us-east-1, on-demand, as listed by AWS in November 2026; see docs/cost.md for the pages. */
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

/** Lambda listens at a quiet queue with five calls of 20 seconds each (Lambda Developer Guide, Amazon SQS). */
const pollsPerHour = 5 * 3 * 60;

/** What was counted of an idle fleet. Sizes are in bytes, as JSON. */
export interface Counted {
  readonly tables: number;
  readonly sweepsPerHour: number;
  readonly itemBytes: number;
  readonly statusBytes: number;
  /** What the index holds of each table to say that it is managed. */
  readonly indexBytes: number;
  /** Metrics that got a value in an idle hour. */
  readonly metrics: number;
  readonly alarms: number;
  /** Assumed, not measured here: how long a sweep takes, what a function has, and what a sweep logs. */
  readonly sweepSeconds: number;
  readonly memoryGb: number;
  readonly logBytesPerSweep: number;
}

/** What something costs, and how much of it that is. */
export interface Cost {
  readonly thing: string;
  readonly amount: number;
  readonly dollars: number;
}

/** DynamoDB's units: reads by 4 KB, half for one that may be a moment old; writes by 1 KB. */
const readUnits = (bytes: number): number => Math.ceil(bytes / 4_096) / 2;
const writeUnits = (bytes: number): number => Math.ceil(bytes / 1_024);

/** What an idle fleet costs in a month of 730 hours: each thing with its amount and price, the dearest first. */
export function monthlyCost(counted: Counted): readonly Cost[] {
  const { tables, itemBytes, statusBytes, indexBytes } = counted;
  const sweeps = counted.sweepsPerHour * hoursPerMonth;
  const days = hoursPerMonth / 24;
  // A scan and a query are billed by the bytes they read, twice as much where they must be up to date; a batch is by each
  // item, and a key without an item costs half a unit.
  const bulk = readUnits(tables * itemBytes) + 2 * readUnits(tables * indexBytes);
  // Beside each status: the sweep's own record, and a scan of orders.
  const perSweep = bulk + tables * readUnits(statusBytes) + 2;
  const perDay = tables * 2 * (readUnits(itemBytes) + readUnits(statusBytes) + 3.5);
  const written = sweeps + days * tables * (writeUnits(statusBytes) + 2);
  const rows = [
    { thing: 'DynamoDB read units', amount: sweeps * perSweep + days * perDay, price: prices.readUnits },
    { thing: 'DynamoDB write units', amount: written, price: prices.writeUnits },
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

/** What an idle fleet has not, each by itself. Assumed: a refresh takes a second, a call that is none of ours a tenth. */
export function costBesides({ tables, itemBytes, statusBytes, memoryGb }: Counted): readonly Cost[] {
  const invocation = (seconds: number): number => prices.lambdaRequests + seconds * memoryGb * prices.lambdaGbSeconds;
  // The widget reads all there is anew: a scan of the items, each status, the last sweep, a scan of orders.
  const refresh = (readUnits(tables * itemBytes) + tables * readUnits(statusBytes) + 2) * prices.readUnits;
  // A lease is taken and given back. A status and the eight keys of a checkpoint are read consistently, and are not there.
  const look = 2 * prices.writeUnits + 9 * prices.readUnits + (1_000 / 1e9) * prices.logGb;
  const rows = [
    { thing: 'refreshes of a dashboard, one a minute', amount: 60 * hoursPerMonth, price: refresh + invocation(1) },
    { thing: 'calls on tables that are not managed', amount: 1e6, price: look + invocation(0.1) },
  ];
  return rows.map(({ thing, amount, price }) => ({ thing, amount, dollars: amount * price }));
}
