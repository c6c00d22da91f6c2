import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Where Debian and its kin put Chromium; `CHROMIUM` names another. */
const executablePath = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
  .filter((path) => path !== undefined)
  .find((path) => existsSync(path));

/** Why there is no browser here; undefined when there is one. */
export const noBrowser =
  executablePath === undefined
    ? 'no Chromium was found: install it (apt-get install chromium), or name it in CHROMIUM'
    : undefined;

export const openBrowser = (): Promise<Browser> =>
  // As root, as in containers, Chromium refuses to run in its sandbox; it sees nothing here but our own pages.
  chromium.launch({ ...(executablePath !== undefined && { executablePath }), args: ['--no-sandbox'] });
