import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { closest } from 'fastest-levenshtein';
import type { Command } from 'commander';
import { z } from 'zod';
import { Failure } from './failure.ts';
import { entriesOf, placeText, readText } from './files.ts';

/** The name of the file that says where a folder's tables are. */
const fileName = '.routectl.yaml';

const text = z.string({ error: 'expected a text' }).min(1, { error: 'expected a text' });
const accountId = 'expected the 12 digits of an account id, in quotes';
const shape = z.strictObject(
  {
    account: z
      .string({ error: accountId })
      .regex(/^\d{12}$/, { error: accountId })
      .optional(),
    profile: text.optional(),
    region: text.optional(),
    desiredTable: text.optional(),
    ordersTable: text.optional(),
    stateTable: text.optional(),
  },
  { error: 'expected a map of settings' },
);
type Settings = z.output<typeof shape>;

const options = ['account', 'desiredTable', 'ordersTable', 'stateTable'] as const;

/**
 * Applies the settings of the nearest `.routectl.yaml`, in this folder or one above it. What an option or the
 * environment says comes first.
 *
 * @throws Failure if the file is not valid
 */
export async function applySettings(command: Command, folder = process.cwd()): Promise<void> {
  const file = nearest(folder);
  if (file === undefined) return;
  const settings = await settingsIn(file);
  for (const name of options) {
    const value = settings[name];
    const isGiven = !['default', undefined].includes(command.getOptionValueSource(name));
    if (value !== undefined && !isGiven) command.setOptionValueWithSource(name, value, 'config');
  }
  // With a profile, the SDK would not use the credentials in the environment.
  const hasCredentials = process.env['AWS_PROFILE'] ?? process.env['AWS_ACCESS_KEY_ID'];
  if (settings.profile !== undefined && !hasCredentials) process.env['AWS_PROFILE'] = settings.profile;
  if (settings.region !== undefined) process.env['AWS_REGION'] ??= settings.region;
}

function nearest(folder: string): string | undefined {
  const file = join(folder, fileName);
  if (existsSync(file)) return file;
  const above = dirname(folder);
  return above === folder ? undefined : nearest(above);
}

async function settingsIn(file: string): Promise<Settings> {
  const [entry, another] = entriesOf(file, await readText(file), 'the file contains no setting');
  if (another) throw new Failure(`${placeText(another.placeOf(''))}: expected one document of settings, found another`);
  const parsed = shape.safeParse(entry?.item);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const place = entry ? placeText(entry.placeOf(key)) : file;
    throw new Failure(`${place}: unknown setting "${key}": did you mean ${closest(key, Object.keys(shape.shape))}?`);
  }
  const path = issue?.path.join('.') ?? '';
  const where = [entry ? placeText(entry.placeOf(path)) : file, path].filter(Boolean).join(': ');
  throw new Failure(`${where}: ${issue?.message}`);
}
