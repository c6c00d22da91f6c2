import { mkdir, writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Table from 'cli-table3';
import { emptyMemory } from '../../reconciler/core/memory/memory.ts';
import { plan } from '../../reconciler/core/plan/plan.ts';
import { sweep } from '../../reconciler/sweep.ts';
import { now } from '../support/builders.ts';
import { settledFleet, sweepEveryMs } from './fleet.ts';
import { pair } from './scale.ts';

// npm run profile: the functions of plan and sweep that take the most CPU time and allocate the most memory.
// Writes .cpuprofile and .heapprofile files for Chrome's DevTools into dist/profiles.

const root = path.join(import.meta.dirname, '..', '..');
const folder = path.join(root, 'dist', 'profiles');
const shownAtMost = 15;

/** One function and its own share of the whole, without the functions that it calls. */
type Share = readonly [place: string, value: number];

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

function placeOf({ functionName, url, lineNumber }: CallFrame): string {
  const file = url.startsWith('file:') ? path.relative(root, fileURLToPath(url)) : url;
  return `${functionName || '(anonymous)'}${file && ` ${file}:${lineNumber + 1}`}`;
}

function summed(all: Iterable<Share>): readonly Share[] {
  const sums = new Map<string, number>();
  for (const [place, value] of all) sums.set(place, (sums.get(place) ?? 0) + value);
  return [...sums].sort(([, a], [, b]) => b - a);
}

function print(title: string, unit: string, shares: readonly Share[]): void {
  const whole = shares.reduce((sum, [, value]) => sum + value, 0);
  const shown = new Table({
    head: ['function', unit, '%'],
    colAligns: ['left', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const [place, value] of shares.slice(0, shownAtMost))
    shown.push([place, value.toFixed(1), ((100 * value) / whole).toFixed(1)]);
  console.log(`\n${title}\n${shown.toString()}`);
}

/** Profiles a body twice: its CPU time, then what it allocates. */
async function profile(name: string, body: () => unknown): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 200 });
  await session.post('Profiler.start');
  await body();
  const { profile: cpu } = await session.post('Profiler.stop');
  await writeFile(path.join(folder, `${name}.cpuprofile`), JSON.stringify(cpu));
  const frames = new Map(cpu.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = (cpu.samples ?? []).flatMap((id, n): Share[] => {
    const frame = frames.get(id);
    // The profiler itself takes time to begin and to end.
    return frame && frame.url !== 'node:inspector' ? [[placeOf(frame), (cpu.timeDeltas?.[n] ?? 0) / 1_000]] : [];
  });
  print(`${name}: CPU time`, 'ms', summed(times));

  // Objects that the garbage collector has already freed count as well: they cost time.
  const all = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
  await session.post('HeapProfiler.startSampling', { samplingInterval: 32_768, ...all });
  await body();
  const { profile: heap } = await session.post('HeapProfiler.stopSampling');
  await writeFile(path.join(folder, `${name}.heapprofile`), JSON.stringify(heap));
  const sizes: Share[] = [];
  const visit = ({ callFrame, selfSize, children }: typeof heap.head): void => {
    sizes.push([placeOf(callFrame), selfSize / 1_000_000]);
    for (const child of children) visit(child);
  };
  visit(heap.head);
  print(`${name}: allocated memory`, 'MB', summed(sizes));
  session.disconnect();
}

await mkdir(folder, { recursive: true });

const [wanted, found] = pair(1_000);
const plans = (): void => {
  for (let n = 0; n < 500; n++) plan(wanted, found, { now, memory: emptyMemory });
};
plans();
await profile('plan', plans);

const fleet = await settledFleet(1_000, 50);
const sweeps = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) {
    fleet.clock.advance(sweepEveryMs);
    await sweep(fleet, fleet.invocation(), sweepEveryMs);
  }
};
await sweeps();
await profile('sweep', sweeps);
console.log(`\nThe profiles are in ${path.relative(process.cwd(), folder)}: open them in Chrome's DevTools.`);
