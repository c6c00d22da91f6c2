import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
 * Loads the AWS CLI once for many commands, if it is a package of the Python here (version 1). Otherwise each command
 * starts as usual.
 */
export async function loadAwsCli(): Promise<AwsCli> {
  const folder = mkdtempSync(path.join(tmpdir(), 'aws-cli-'));
  const socket = path.join(folder, 'socket');
  const here = (name: string): string => path.join(import.meta.dirname, name);
  const server = spawn('python3', [here('aws_server.py'), socket], { stdio: ['ignore', 'pipe', 'ignore'] });
  const stop = (): void => {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  const ended = Promise.race([once(server, 'exit'), once(server, 'error')]).then(() => undefined);
  const listens = once(server.stdout, 'data').then(([text]) => String(text).trim());
  const python = await Promise.race([listens, ended]);
  if (python === undefined) return { env: {}, stop };
  const command = `#!/bin/sh\nexec '${python}' -IS '${here('aws_client.py')}' "$@"\n`;
  writeFileSync(path.join(folder, 'aws'), command, { mode: 0o755 });
  return { env: { AWS_SERVER: socket, PATH: [folder, process.env['PATH']].join(path.delimiter) }, stop };
}
