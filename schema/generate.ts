import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { desiredItemSchema } from '../reconciler/core/desired/schema.ts';
import { detailSchemas, eventSource } from '../reconciler/core/announce/domain-event.ts';

/** The committed schemas, for editors and consumers. `npm run schema` regenerates them. */
export const schemaFile = new URL('desired-route-table.schema.json', import.meta.url);

export const eventSchemaFile = new URL('domain-event.schema.json', import.meta.url);

/**
 * The desired item as JSON Schema, generated from the schema that validates it. JSON Schema cannot compare fields or
 * parse addresses, so it accepts `10.0.0.300/16` or two equal destinations; `routectl validate` reports every problem.
 */
export const jsonSchema = (): Record<string, unknown> =>
  // Editors support draft 7 best.
  z.toJSONSchema(desiredItemSchema, { io: 'input', target: 'draft-7' });

/** The domain events as JSON Schema: one schema of `detail` for each `detail-type`. */
export const eventJsonSchema = (): Record<string, unknown> => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Domain events of Route Reconciler',
  type: 'object',
  required: ['source', 'detail-type', 'detail'],
  properties: { source: { const: eventSource } },
  oneOf: Object.entries(detailSchemas).map(([type, schema]) => {
    // Later versions may add fields, and consumers must accept them.
    const { $schema: _, ...detail } = z.toJSONSchema(z.looseObject(schema.shape), { target: 'draft-7' });
    return { properties: { 'detail-type': { const: type }, detail } };
  }),
});

if (import.meta.main) {
  for (const [file, schema] of [
    [schemaFile, jsonSchema()],
    [eventSchemaFile, eventJsonSchema()],
  ] as const)
    writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
}
