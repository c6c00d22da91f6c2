// Prepares a fresh clone: installs the npm packages and, for the local stack, a Python environment with the emulators.
// Does nothing if everything is in place. This script runs before anything is installed, so it is plain JavaScript for
// Node 20 and has no dependencies. On Linux, the lock file installs Node 24 into node_modules/.bin for all later steps.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = import.meta.dirname;
const at = (...path) => join(root, ...path);
const started = performance.now();

try {
  checkNode();
  if (!packagesInstalled() || !emulatorsInstalled()) {
    await alone(async () => {
      const python = emulatorsInstalled() ? undefined : findPython();
      await Promise.all([
        packagesInstalled() || step('npm packages', installPackages),
        python && step(`emulators (${python.name}, ${python.version})`, () => installEmulators(python)),
      ]);
    });
    console.error(`set up in ${seconds(started)}`);
  }
} catch (error) {
  console.error(`setup: ${error.message}`);
  process.exitCode = 1;
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [needMajor, needMinor] = process.platform === 'linux' ? [20, 19] : [22, 18];
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  throw new Error(
    `needs Node ${needMajor}.${needMinor} or newer, but this is Node ${process.versions.node} (https://nodejs.org).`,
  );
}

// After every successful install, npm lists the installed packages in node_modules/.package-lock.json.
function packagesInstalled() {
  const installed = readJson('node_modules', '.package-lock.json')?.packages;
  const wanted = readJson('package-lock.json').packages;
  return (
    installed !== undefined &&
    Object.entries(wanted).every(
      ([path, pack]) => path === '' || !belongsHere(pack) || installed[path]?.version === pack.version,
    )
  );
}

// Of the optional packages, only those for this platform are required.
function belongsHere(pack) {
  if (!pack.optional) return true;
  return !pack.libc && pack.os?.includes(process.platform) === true && pack.cpu?.includes(process.arch) === true;
}

function installPackages() {
  // No package needs a script to be installed. (.npmrc does not say so: it would also skip our own prepack.)
  return run('npm', ['ci', '--ignore-scripts']);
}

function emulatorsStamp() {
  return `${createHash('sha256')
    .update(readFileSync(at('local', 'requirements.txt')))
    .digest('hex')} ${process.platform}-${process.arch}\n`;
}

function emulatorsInstalled() {
  const stamp = at('.venv', 'stamp');
  return (
    existsSync(at('.venv', 'bin', 'python')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === emulatorsStamp()
  );
}

async function installEmulators(python) {
  rmSync(at('.venv'), { recursive: true, force: true });
  await run(
    python.name,
    ['-m', 'venv', at('.venv')],
    'On Debian and Ubuntu, install it with: apt-get install python3-venv',
  );
  const requirements = at('local', 'requirements.txt');
  // Python compiles modules when it loads them. Compiling all of them here would take three times as long.
  const install = ['-m', 'pip', 'install', '--no-deps', '--no-input', '--no-compile', '-r', requirements];
  await run(at('.venv', 'bin', 'python'), install);
  writeFileSync(at('.venv', 'stamp'), emulatorsStamp());
}

function findPython() {
  const tooOld = [];
  for (const name of ['python3', 'python', ...[14, 13, 12, 11, 10].map((minor) => `python3.${minor}`)]) {
    const version = pythonVersion(name);
    const [major, minor] = version?.split('.').map(Number) ?? [];
    if (major === 3 && minor >= 10) return { name, version };
    if (version && !tooOld.includes(version)) tooOld.push(version);
  }
  const found = tooOld.length === 0 ? 'but found none' : `but found only ${tooOld.join(', ')}`;
  throw new Error(`needs Python 3.10 or newer for the local stack's emulators, ${found} (https://www.python.org).`);
}

function pythonVersion(name) {
  try {
    const report = 'import sys; print("%d.%d" % sys.version_info[:2])';
    return execFileSync(name, ['-c', report], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

// Two set-ups in one checkout would delete each other's folders, so the second waits for the first.
async function alone(work) {
  const lock = at('.local', 'setup.lock');
  mkdirSync(at('.local'), { recursive: true });
  for (let waiting = false; ; waiting = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!waiting) console.error('another set-up is running in this checkout; waiting for it …');
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (!isRunning(readIfThere(lock))) rmSync(lock, { force: true });
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isRunning(pid) {
  // The lock was just created and is still empty, or was just removed.
  if (!pid) return true;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

async function step(name, work) {
  const begun = performance.now();
  console.error(`${name} …`);
  await work();
  console.error(`${name}: ${seconds(begun)}`);
}

function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

function run(program, args, advice) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) return resolve();
      const shown = output.trimEnd().split('\n').slice(-30).join('\n');
      const call = [program, ...args].join(' ');
      reject(new Error([`"${call}" failed (${signal ?? code}):`, shown, advice].filter(Boolean).join('\n')));
    });
  });
}

function readJson(...path) {
  const text = readIfThere(at(...path));
  return text === undefined ? undefined : JSON.parse(text);
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
