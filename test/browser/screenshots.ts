// `npm run screenshots`: renders the pictures for the docs from a fleet that the real reconciler produced in memory.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Theme } from '../../report/style.ts';
import { fleetWidget, tableWidget } from '../../report/widget.ts';
import { eventfulFleet } from '../support/fleet.ts';
import { noBrowser, openBrowser } from './browser.ts';

if (noBrowser !== undefined) throw new Error(noBrowser);

const images = path.resolve(import.meta.dirname, '../../docs/images');
mkdirSync(images, { recursive: true });

const { fleet, tables } = await eventfulFleet();
const endpoint = 'arn:aws:lambda:eu-west-1:123456789012:function:widget';
const [, blocked, , , , , healed] = tables;
const pages: Readonly<Record<string, { readonly theme: Theme; readonly width: number; readonly html: string }>> = {
  'fleet-light': { theme: 'light', width: 1240, html: fleetWidget(fleet, 0, 'light', endpoint) },
  'fleet-dark': { theme: 'dark', width: 1240, html: fleetWidget(fleet, 0, 'dark', endpoint) },
  ...(blocked && { 'table-blocked': { theme: 'light', width: 900, html: tableWidget(blocked, 0, 'light', endpoint) } }),
  ...(healed && { 'table-healed': { theme: 'dark', width: 900, html: tableWidget(healed, 0, 'dark', endpoint) } }),
};

const browser = await openBrowser();
for (const [name, { theme, width, html }] of Object.entries(pages)) {
  const page = await browser.newPage({ viewport: { width, height: 400 }, deviceScaleFactor: 1 });
  await page.setContent(
    `<body style="margin: 16px; background: ${theme === 'dark' ? '#161d26' : '#fff'}">${html}</body>`,
  );
  await page.screenshot({ path: path.join(images, `${name}.png`), fullPage: true });
  await page.close();
}
await browser.close();
