import { expect, it } from 'vitest';
import { type Measurement, metricWriter } from '../../../local/cloudwatch/measurement.ts';

const measurement = (namespace: string, value: number): Measurement => ({
  namespace,
  name: 'Test',
  dimensions: {},
  values: [value],
  unit: 'Count',
  time: new Date('2026-11-24T12:00:00Z'),
});

it('writes every measurement once, even if a call fails in between', async () => {
  const put: (readonly [string, number[]])[] = [];
  let works = true;
  const write = metricWriter(async (namespace, batch) => {
    if (!works) throw new Error('out of order');
    put.push([namespace, batch.flatMap(({ values }) => values)]);
    works = false;
  });

  await expect(write([measurement('A', 1), measurement('B', 2), measurement('A', 3)])).rejects.toThrow('out of order');
  works = true;
  await expect(write([measurement('B', 4)])).resolves.toBeUndefined();

  expect(put).toEqual([
    ['A', [1, 3]],
    ['B', [2, 4]],
  ]);
});

it('writes at most 1,000 measurements per call', async () => {
  const sizes: number[] = [];
  await metricWriter(async (_namespace, batch) => sizes.push(batch.length))(
    Array.from({ length: 2_001 }, (_, value) => measurement('A', value)),
  );
  expect(sizes).toEqual([1_000, 1_000, 1]);
});
