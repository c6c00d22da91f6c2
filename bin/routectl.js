#!/usr/bin/env node
// The CLI is written in TypeScript, which Node runs from version 22.18 on. This file is plain JavaScript for Node 18.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
// On Linux, `npm ci` installs a newer Node. npx uses it automatically; a call by path may run under an older one.
const newerNode = here('../node_modules/.bin/node');

if (process.features.typescript) {
  // Halves the start of most commands. It is a folder that only the owner of this checkout writes to.
  module.enableCompileCache(here('../node_modules/.cache/routectl'));
  await import('../cli/main.ts').catch(fail);
} else if (existsSync(newerNode) && realpathSync(newerNode) !== realpathSync(process.execPath)) {
  startAgain();
} else {
  say(`needs Node 22.18 or newer, but this is Node ${process.versions.node} (https://nodejs.org).`);
}

function startAgain() {
  const child = spawn(newerNode, [here(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both processes; a kill reaches only this one.
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
