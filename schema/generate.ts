import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { desiredItemSchema } from '../reconciler/core/desired-schema.ts';

/** The committed schema, for editors; `npm run schema` writes it anew. */
export const schemaFile = new URL('desired-route-table.schema.json', import.meta.url);

/**
 * The desired item as JSON Schema, made from the very schema that checks it. What compares fields with one another or
 * reads an address (`10.0.0.300/16`, two equal destinations) is beyond it: `routectl validate` tells all.
 */
export const jsonSchema = (): Record<string, unknown> =>
  // Draft 7 is what editors know best.
  z.toJSONSchema(desiredItemSchema, { io: 'input', target: 'draft-7' });

if (import.meta.main) writeFileSync(schemaFile, `${JSON.stringify(jsonSchema(), null, 2)}\n`);
