import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Whether the AWS CLI is installed here. Tests that need it are skipped otherwise. */
export function hasAwsCli(): boolean {
  try {
    execFileSync('aws', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The environment in which `aws` starts fast, and how to end what makes it fast. */
export interface AwsCli {
  readonly env: Readonly<Record<string, string>>;
  readonly stop: () => void;
}

/**
 * Loads the AWS CLI once for many commands, if it is a package of a Python in the path (version 1). Otherwise each command
 * starts as usual.
 */
export async function loadAwsCli(): Promise<AwsCli> {
  const folder = mkdtempSync(path.join(tmpdir(), 'aws-cli-'));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  const socket = path.join(folder, 'socket');
  const pathOf = (name: string): string => path.join(import.meta.dirname, name);
  for (const python3 of found('python3')) {
    const server = spawn(python3, [pathOf('aws_server.py'), socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = Promise.race([once(server, 'exit'), once(server, 'error')]).then(() => undefined);
    const listens = once(server.stdout, 'data').then(([text]) => String(text).trim());
    const python = await Promise.race([listens, ended]);
    if (python === undefined) continue;
    const command = `#!/bin/sh\nexec '${python}' -IS '${pathOf('aws_client.py')}' "$@"\n`;
    writeFileSync(path.join(folder, 'aws'), command, { mode: 0o755 });
    const stop = (): void => {
      server.kill();
      removeFolder();
    };
    return { env: { AWS_SERVER: socket, PATH: [folder, process.env['PATH']].join(path.delimiter) }, stop };
  }
  return { env: {}, stop: removeFolder };
}

/** Every program of this name in the path. */
const found = (name: string): readonly string[] =>
  (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .filter((file) => existsSync(file));
