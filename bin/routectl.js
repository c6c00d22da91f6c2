#!/usr/bin/env node
// Starts the CLI: in a checkout its TypeScript, which Node runs from version 22.18 on; in a package what bin/build.ts built.
// This file is plain JavaScript for Node 18.
import module from 'node:module';

// An import of a module of Node takes longer than this: it prepares all exports of that module.
const require = module.createRequire(import.meta.url);
const { existsSync, realpathSync } = require('node:fs');
const { fileURLToPath } = require('node:url');

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
// On Linux, `npm ci` installs a newer Node. npx uses it automatically; a call by path may run under an older one.
const newerNode = here('../node_modules/.bin/node');

if (process.features.typescript) {
  const isCheckout = existsSync(here('../cli/main.ts'));
  // Compiled code from earlier starts makes a start faster. It lies where only those can write who can write this file.
  module.enableCompileCache(here(isCheckout ? '../node_modules/.cache/routectl' : '../.cache'));
  if (isCheckout) await import('../cli/main.ts').catch(fail);
  else if (existsSync(here('../dist/cli/main.cjs'))) require('../dist/cli/main.cjs');
  else say('this package lacks its built files: pack it again, with "npm pack --ignore-scripts=false".');
} else if (existsSync(newerNode) && realpathSync(newerNode) !== realpathSync(process.execPath)) {
  startAgain();
} else {
  say(`needs Node 22.18 or newer, but this is Node ${process.versions.node} (https://nodejs.org).`);
}

function startAgain() {
  const { spawn } = require('node:child_process');
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
