import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** The path of Chromium on Debian and similar systems; the variable `CHROMIUM` overrides it. */
const executablePath = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
  .filter((path) => path !== undefined)
  .find((path) => existsSync(path));

/** Why no browser is available; undefined if one is. */
export const noBrowser =
  executablePath === undefined
    ? 'Chromium was not found: install it (apt-get install chromium), or set CHROMIUM to its path'
    : undefined;

export const openBrowser = (): Promise<Browser> =>
  // Chromium refuses to run sandboxed as root, for example in containers. Here it opens only our own pages.
  chromium.launch({ ...(executablePath !== undefined && { executablePath }), args: ['--no-sandbox'] });
