import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

/** A program started by this process. It cannot outlive this process. */
export interface Child {
  readonly name: string;
  /** The file that receives its stdout and stderr. */
  readonly log: string;
  /** Its exit code, or null if it was killed. Resolves once the program and everything it started are gone. */
  readonly exited: Promise<number | null>;
  /** Kills it and everything it started. */
  kill(): void;
}

export interface ChildOptions {
  readonly log: string;
  /** The complete environment: the program inherits nothing. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

// Each program runs in its own process group, under a shell that watches a pipe from this process. However this process
// ends, even by SIGKILL, the pipe closes and the shell kills the group, including everything the program started (such
// as MiniStack's function workers). A separate group also shields the program from Ctrl-C, so that we stop things in
// order.
const untilThePipeCloses = `
exec 3<&0
"$@" </dev/null 3<&- & program=$!
{ cat <&3 >/dev/null; kill -9 0; } &
wait $program`;

/** Starts `command` (program and arguments) and appends its output to `options.log`. */
export function startChild(name: string, command: readonly string[], options: ChildOptions): Child {
  const log = openSync(options.log, 'a');
  const shell = spawn('/bin/sh', ['-c', untilThePipeCloses, name, ...command], {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['pipe', log, log],
  });
  closeSync(log);
  const kill = () => {
    if (shell.pid === undefined) return;
    try {
      process.kill(-shell.pid, 'SIGKILL');
    } catch {
      // The group no longer exists.
    }
  };
  const exited = new Promise<number | null>((resolve, reject) => {
    shell.once('error', reject);
    shell.once('exit', (code) => {
      kill();
      resolve(code);
    });
  });
  return { name, log: options.log, exited, kill };
}

/**
 * Runs a program and waits until it exits.
 *
 * @throws Error with the end of its log if the program fails
 */
export async function run(name: string, command: readonly string[], options: ChildOptions): Promise<void> {
  const code = await startChild(name, command, options).exited;
  if (code !== 0) throw new Error(`${name} failed (exit code ${code}):\n${tail(options.log)}`);
}

/** The last lines of a log, without colours. */
export function tail(log: string, lines = 40): string {
  return stripVTControlCharacters(readFileSync(log, 'utf8')).trimEnd().split('\n').slice(-lines).join('\n');
}
