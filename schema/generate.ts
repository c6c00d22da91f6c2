import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { desiredItemSchema } from '../reconciler/core/desired-schema.ts';
import { detailSchemas, eventSource } from '../reconciler/core/domain-event.ts';

/** The committed schemas, for editors and consumers; `npm run schema` writes them anew. */
export const schemaFile = new URL('desired-route-table.schema.json', import.meta.url);

export const eventSchemaFile = new URL('domain-event.schema.json', import.meta.url);

/**
 * The desired item as JSON Schema, made from the very schema that checks it. What compares fields with one another or
 * reads an address (`10.0.0.300/16`, two equal destinations) is beyond it: `routectl validate` tells all.
 */
export const jsonSchema = (): Record<string, unknown> =>
  // Draft 7 is what editors know best.
  z.toJSONSchema(desiredItemSchema, { io: 'input', target: 'draft-7' });

/** The events we put on the bus as JSON Schema: for each `detail-type` what stands in its `detail`. */
export const eventJsonSchema = (): Record<string, unknown> => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Domain events of Route Reconciler',
  type: 'object',
  required: ['source', 'detail-type', 'detail'],
  properties: { source: { const: eventSource } },
  oneOf: Object.entries(detailSchemas).map(([type, schema]) => {
    // Consumers must bear fields that are added.
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
