#!/usr/bin/env node
// The CLI itself is TypeScript, which Node runs from 22.18 on. This file is plain JavaScript that Node 18 understands.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
// On Linux `npm ci` brings a newer Node along. npx finds it by itself; a call by path may come here with an older one.
const newerNode = here('../node_modules/.bin/node');

if (process.features.typescript) {
  await import('../cli/main.ts').catch(fail);
} else if (existsSync(newerNode) && realpathSync(newerNode) !== realpathSync(process.execPath)) {
  startAgain();
} else {
  say(`needs Node 22.18 or newer, this is ${process.versions.node} (https://nodejs.org).`);
}

function startAgain() {
  const child = spawn(newerNode, [here(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both; a kill reaches only this one.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.once('error', (error) => say(`could not start ${newerNode}: ${error.message}`));
  child.once('close', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
  });
}

function fail(error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  say(`its packages are not installed: run "npm ci" in ${here('..')}`);
}

function say(sentence) {
  console.error(`routectl: ${sentence}`);
  process.exitCode = 1;
}
