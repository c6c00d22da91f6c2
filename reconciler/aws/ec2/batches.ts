/** EC2 accepts at most 200 values in one filter (EC2 API Reference). */
const valuesPerFilter = 200;

/** The values in groups that fit into one filter each, in order. No group is empty. */
export const batches = (values: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(values.length / valuesPerFilter) }, (_, index) =>
    values.slice(index * valuesPerFilter, (index + 1) * valuesPerFilter),
  );
