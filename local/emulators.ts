import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import getPort from 'get-port';
import { startChild, tail, type Child } from './child.ts';

/** The account of both emulators. */
export const accountId = '000000000000';
export const region = 'eu-west-1';

/** The running emulators: moto for EC2, MiniStack for everything else. */
export interface Emulators {
  readonly ministack: string;
  readonly moto: string;
  /** The folder of the logs. It stays until a later start, so that the logs can be read afterwards. */
  readonly logs: string;
  /** A folder for temporary files, removed when the emulators stop. */
  readonly scratch: string;
  /** Stops both emulators and every function worker, and removes all their files except the logs. */
  readonly stop: () => Promise<void>;
}

const root = join(import.meta.dirname, '..');
const logsFolder = join(root, '.local');
const python = (program: string) => join(root, '.venv', 'bin', program);
const scratchPrefix = 'route-reconciler-local-';

/**
 * Starts both emulators on free ports and waits until they answer. Other emulators on this machine do not interfere.
 *
 * The emulators end with this process, however it ends.
 *
 * @throws Error with the end of the log if an emulator does not start
 */
export async function startEmulators(): Promise<Emulators> {
  if (!existsSync(python('ministack'))) throw new Error('the emulators are not installed: run "npm run setup"');
  const logs = ownFolder(logsFolder, '');
  // Outside the repository: inside it, a function would find packages in node_modules that its bundle lacks.
  const scratch = ownFolder(tmpdir(), scratchPrefix);
  const [ministackPort, motoPort] = [await getPort(), await getPort()];

  const children = [
    startChild('ministack', [python('python'), join(import.meta.dirname, 'cloudwatch', 'start-ministack.py')], {
      log: join(logs, 'ministack.log'),
      cwd: scratch,
      // Functions inherit this environment, so it passes on only PATH, where MiniStack finds the `node` that runs them.
      env: {
        PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
        HOME: scratch,
        TMPDIR: scratch,
        STATE_DIR: join(scratch, 'state'),
        S3_DATA_DIR: join(scratch, 's3'),
        GATEWAY_PORT: String(ministackPort),
        BIND_HOST: '127.0.0.1',
        MINISTACK_HOST: '127.0.0.1',
        MINISTACK_REGION: region,
        IOT_MTLS_ENABLED: '0',
        SFTP_ENABLED: '0',
        AUTH: 'true',
      },
    }),
    startChild('moto', [python('moto_server'), '-H', '127.0.0.1', '-p', String(motoPort)], {
      log: join(logs, 'moto.log'),
      cwd: scratch,
      env: { PATH: process.env['PATH'] ?? '', HOME: scratch, TMPDIR: scratch, MOTO_ACCOUNT_ID: accountId },
    }),
  ] as const;

  const kill = () => {
    for (const child of children) child.kill();
    rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
  };
  process.once('exit', kill);
  const stop = async () => {
    process.off('exit', kill);
    for (const child of children) child.kill();
    await Promise.all(children.map((child) => child.exited));
    kill();
  };

  const ministack = `http://127.0.0.1:${ministackPort}`;
  const moto = `http://127.0.0.1:${motoPort}`;
  try {
    await Promise.all([
      answers(children[0], `${ministack}/_ministack/health`),
      // moto loads its EC2 emulation on the first request.
      answers(children[1], `${moto}/?Action=DescribeVpcs`),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ministack, moto, logs, scratch, stop };
}

async function answers(child: Child, url: string): Promise<void> {
  let ended = false;
  void child.exited.then(() => (ended = true));
  for (const deadline = Date.now() + 30_000; ; await sleep(50)) {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
    if (response?.ok && !ended) return;
    if (ended || Date.now() > deadline) {
      throw new Error(`${child.name} ${ended ? 'ended' : 'did not answer'} while starting:\n${tail(child.log)}`);
    }
  }
}

/** The folders of the logs of all local stacks of this checkout, also of those that have ended. */
export const logFolders = (): readonly string[] =>
  existsSync(logsFolder) ? readdirSync(logsFolder).map((name) => join(logsFolder, name)) : [];

/** Creates a folder named after this process, and removes the folders of processes that no longer run. */
function ownFolder(parent: string, prefix: string): string {
  mkdirSync(parent, { recursive: true });
  for (const name of readdirSync(parent)) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid && !isRunning(Number(pid))) rmSync(join(parent, name), { recursive: true, force: true });
  }
  return mkdtempSync(join(parent, `${prefix}${process.pid}-`));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
