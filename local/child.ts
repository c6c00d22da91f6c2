import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

/** A program that was started here and cannot outlive this process. */
export interface Child {
  readonly name: string;
  /** The file that holds what it wrote to stdout and stderr. */
  readonly log: string;
  /** Its exit code, once it and everything it started are gone; null when it was killed. */
  readonly exited: Promise<number | null>;
  /** Kills it and everything it started. */
  kill(): void;
}

export interface ChildOptions {
  readonly log: string;
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

// Each program runs in a process group of its own, under a shell that watches a pipe from us. However this process
// ends, even by SIGKILL, the pipe closes and the whole group goes, with whatever the program started (MiniStack's
// function workers among it). A group of its own also keeps a terminal's Ctrl-C away, so that we stop things in order.
const untilThePipeCloses = `
exec 3<&0
"$@" </dev/null 3<&- & program=$!
{ cat <&3 >/dev/null; kill -9 0; } &
wait $program`;

/** Starts `command` (program and arguments), its output appended to `options.log`. */
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
      // Nothing of the group is left.
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
 * Runs a program to its end.
 *
 * @throws with the end of its log when it fails.
 */
export async function run(name: string, command: readonly string[], options: ChildOptions): Promise<void> {
  const code = await startChild(name, command, options).exited;
  if (code !== 0) throw new Error(`${name} failed (exit code ${code}):\n${tail(options.log)}`);
}

/** The last lines of a log, without colours. */
export function tail(log: string, lines = 40): string {
  return stripVTControlCharacters(readFileSync(log, 'utf8')).trimEnd().split('\n').slice(-lines).join('\n');
}
