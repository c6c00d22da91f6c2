// `npm run recordings`: runs `routectl` in a terminal against the local stack, and draws what the terminal shows for the docs.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AssociateRouteTableCommand,
  CreateRouteCommand,
  CreateTagsCommand,
  DeleteRouteCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import xterm from '@xterm/headless';
import { buildScenery } from '../scenery.ts';
import { connect, environmentFor, startStack } from '../stack.ts';
import { type Frame, frameOf, picture } from './picture.ts';

const columns = 112;
const rows = 30;
/** A terminal that shows nothing new for this long has drawn a frame. */
const quietMs = 250;

const root = join(import.meta.dirname, '..', '..');
const images = join(root, 'docs', 'images');
const python = join(root, '.venv', 'bin', 'python');
// A pseudo-terminal of the right size. It ends with the program in it.
const inTerminal = `
import fcntl, os, pty, struct, sys, termios
def size(fd): fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', ${rows}, ${columns}, 0, 0))
pid, fd = pty.fork()
if pid == 0: size(0); os.execvp(sys.argv[1], sys.argv[1:])
size(fd)
pty._copy(fd)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

const stack = await startStack();
// In the checkout, files name the schema by a short path.
const folder = mkdtempSync(join(root, '.recordings-'));
try {
  const { ec2: as } = connect(stack);
  const alice = new EC2Client(as({ kind: 'user', name: 'alice' }));
  const scenery = await buildScenery(as({ kind: 'user', name: 'operator' }));
  const record = recorder(folder, {
    ...environmentFor({ ...stack, ec2Endpoint: as({ kind: 'user', name: 'operator' }).endpoint }),
    HOME: folder,
    PATH: process.env['PATH'] ?? '',
    TERM: 'xterm-256color',
    FORCE_COLOR: '1',
  });
  const { privateTable, publicTable, peering, natGateway, transitGateway, subnet } = scenery;
  const name = (id: string, Value: string) =>
    alice.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'Name', Value }] }));
  const route = (RouteTableId: string, DestinationCidrBlock: string, target: object) =>
    alice.send(new CreateRouteCommand({ RouteTableId, DestinationCidrBlock, ...target }));
  await Promise.all([
    name(privateTable, 'private'),
    name(publicTable, 'public'),
    name(peering, 'partner'),
    name(natGateway, 'egress'),
    name(transitGateway, 'branches'),
  ]);
  await route(privateTable, '0.0.0.0/0', { NatGatewayId: natGateway });
  await route(privateTable, '10.20.0.0/16', { VpcPeeringConnectionId: peering });
  await route(privateTable, '10.21.0.0/16', { VpcPeeringConnectionId: peering });

  await alice.send(new AssociateRouteTableCommand({ RouteTableId: privateTable, SubnetId: subnet }));
  await route(publicTable, '0.0.0.0/0', { GatewayId: scenery.internetGateway });

  const file = join(folder, 'tables', `${privateTable}.yaml`);
  await record('import', [
    `npx routectl import ${privateTable} ${publicTable} --out-dir tables`,
    `cat tables/${privateTable}.yaml`,
  ]);
  writeFileSync(file, edited(readFileSync(file, 'utf8'), transitGateway));
  await record('plan', ['npx routectl plan -f tables/*.yaml --impact']);
  await record('apply', ['npx routectl apply -f tables/*.yaml'], { consents: true });
  await alice.send(new DeleteRouteCommand({ RouteTableId: privateTable, DestinationCidrBlock: '10.21.0.0/16' }));
  await sleep(60_000);
  await record('status', ['npx routectl status', `npx routectl history ${privateTable}`]);
  await record('trace', [`npx routectl trace ${subnet} 10.21.3.4`]);
  const moves = (async () => {
    await sleep(4_000);
    await alice.send(new DeleteRouteCommand({ RouteTableId: privateTable, DestinationCidrBlock: '10.20.0.0/16' }));
  })();
  await record('watch', ['npx routectl watch'], { endsAfterMs: 16_000 });
  await moves;
} finally {
  await stack.stop();
  rmSync(folder, { recursive: true });
}

/** The file as a person might change it: the reconciler may act, and one more route is listed. */
function edited(imported: string, transitGateway: string): string {
  return imported
    .replace('mode: observe', 'mode: enforce')
    .replace('routes:', `routes:\n  - destination: 10.112.0.0/16\n    target: ${transitGateway}`);
}

/** Types commands in a terminal, and draws it into a picture of the docs. */
function recorder(cwd: string, env: Readonly<Record<string, string>>) {
  mkdirSync(images, { recursive: true });
  return async (
    name: string,
    commands: readonly string[],
    /** `consents`: answers a question with yes. `endsAfterMs`: Ctrl-C after this time. Then each change is a frame. */
    { consents = false, endsAfterMs }: { readonly consents?: boolean; readonly endsAfterMs?: number } = {},
  ): Promise<void> => {
    const terminal = new xterm.Terminal({ cols: columns, rows, scrollback: 1_000, allowProposedApi: true });
    const write = (data: string | Buffer): Promise<void> => new Promise((resolve) => terminal.write(data, resolve));
    const began = performance.now();
    const frames: Frame[] = [];
    const shot = (): void => void frames.push(frameOf(terminal, performance.now() - began));
    for (const command of commands) {
      await write(`\u001B[1m$ ${command}\u001B[0m\r\n`);
      const started = command.replace('npx routectl', `'${process.execPath}' '${join(root, 'bin', 'routectl.js')}'`);
      const child = spawn(python, ['-c', inTerminal, 'sh', '-c', started], {
        cwd,
        env,
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const press = (keys: string): void => void child.stdin.write(keys);
      if (endsAfterMs !== undefined) setTimeout(() => press('\u0003'), endsAfterMs);
      let quiet: NodeJS.Timeout | undefined;
      child.stdout.on('data', (data: Buffer) => {
        void write(data);
        if (consents && data.includes('[y/N]')) setTimeout(() => press('yes\r'), 2 * quietMs);
        clearTimeout(quiet);
        quiet = setTimeout(shot, quietMs);
      });
      const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
      clearTimeout(quiet);
      await write('');
      console.log(`${command}: exit code ${code}`);
    }
    // Ctrl-C restores what the terminal showed before.
    if (endsAfterMs === undefined) shot();
    const isMoving = consents || endsAfterMs !== undefined;
    const svg = picture(commands.join('; '), isMoving ? frames : frames.slice(-1), columns);
    writeFileSync(join(images, `routectl-${name}.svg`), svg);
  };
}
