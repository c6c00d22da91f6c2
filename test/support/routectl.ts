import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const root = join(import.meta.dirname, '..', '..');

export const binary = join(root, 'bin', 'routectl.js');
/** `npm test` builds the command line once: so each of hundreds of starts takes half of the CPU time. */
const started = process.env['ROUTECTL_BUILT'] ?? binary;
export const fixture = (name: string): string => join(root, 'test', 'fixtures', name);

/** A finished process: its exit code and output. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** The folder in which the process runs. */
  readonly cwd?: string;
  /** Makes the process fail when it uses the network or the AWS SDK. */
  readonly offline?: boolean;
  /** Another start of the program than that of the checkout. */
  readonly program?: readonly string[];
}

const emptyHome = mkdtempSync(join(tmpdir(), 'routectl-home-'));

/** Runs the real command line in its own process, without our environment: no profile, no credentials. */
export function routectl(
  args: readonly string[],
  { offline = false, program, ...surroundings }: Surroundings = {},
): Promise<Ended> {
  const preload = offline ? ['--import', join(import.meta.dirname, 'offline.mjs')] : [];
  return run([...(program ?? [process.execPath, ...preload, started]), ...args], surroundings);
}

/**
 * Runs the command line in a terminal where somebody types `stdin`. `stdout` holds everything that the terminal shows.
 */
export const atTerminal = (args: readonly string[], surroundings: Surroundings): Promise<Ended> =>
  run([join(root, '.venv', 'bin', 'python'), '-c', terminal, process.execPath, started, ...args], surroundings);

const terminal = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

async function run(
  [program = '', ...args]: readonly string[],
  { env = {}, stdin = '', cwd }: Omit<Surroundings, 'offline' | 'program'>,
): Promise<Ended> {
  const child = spawn(program, args, {
    env: { HOME: emptyHome, AWS_EC2_METADATA_DISABLED: 'true', ...env },
    stdio: 'pipe',
    ...(cwd !== undefined && { cwd }),
  });
  // A process may end before it has read all its input; that is not a failure here.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}

/** A temporary file with this content. */
export function fileWith(content: string | Uint8Array, name = 'routes.yaml'): string {
  const file = join(mkdtempSync(join(tmpdir(), 'routectl-')), name);
  writeFileSync(file, content);
  return file;
}

/** Parses output that has one JSON document per line and nothing else. */
export const jsonLines = (output: string): unknown[] =>
  output
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
