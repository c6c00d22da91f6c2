import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportDocument } from '../../report/document.ts';
import type { Theme } from '../../report/style.ts';
import { fleetWidget, tableWidget } from '../../report/widget.ts';
import { eventfulFleet } from '../support/fleet.ts';
import { noBrowser, openBrowser } from './browser.ts';

const arn = 'arn:aws:lambda:eu-west-1:123456789012:function:widget';
const themes: readonly Theme[] = ['light', 'dark'];

describe.skipIf(noBrowser !== undefined)(
  `pages in a browser${noBrowser === undefined ? '' : ` (${noBrowser})`}`,
  () => {
    let browser: Browser;
    const scratch = mkdtempSync(path.join(tmpdir(), 'route-reconciler-pages-'));
    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterAll(async () => {
      await browser.close();
      rmSync(scratch, { recursive: true });
    });

    /** What a page must not do: send requests, open dialogs, throw errors. */
    const misdeeds: string[] = [];
    const open = async (theme: Theme, width = 1_200): Promise<Page> => {
      const page = await browser.newPage({ viewport: { width, height: 400 }, colorScheme: theme });
      misdeeds.length = 0;
      page.on('dialog', (dialog) => {
        misdeeds.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on('request', (request) => misdeeds.push(`requests ${request.url()}`));
      page.on('pageerror', (error) => misdeeds.push(`error: ${error.message}`));
      return page;
    };

    /** Opens a fragment inside another page, as a dashboard does. */
    const openWidget = async (fragment: string, theme: Theme, width?: number): Promise<Page> => {
      const page = await open(theme, width);
      const back = theme === 'dark' ? '#161d26' : '#fff';
      await page.setContent(
        `<!doctype html><html lang="en"><title>dashboard</title><body style="background:${back};color:${theme === 'dark' ? '#fff' : '#000'}"><main><h1>Dashboard</h1>${fragment}</main></body></html>`,
      );
      return page;
    };

    const openFile = async (document: string, theme: Theme): Promise<Page> => {
      const file = path.join(scratch, 'report.html');
      writeFileSync(file, document);
      const page = await open(theme);
      await page.goto(pathToFileURL(file).href);
      return page;
    };

    const violationsIn = async (page: Page): Promise<readonly string[]> => {
      // If the page's policy blocks the script, evaluate it through the browser's tools, which the policy does not
      // cover.
      await page.addScriptTag({ content: axe.source }).catch(() => page.evaluate(axe.source));
      const { violations } = await page.evaluate<axe.AxeResults>('axe.run()');
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
    };

    it.each(themes)('the fleet and every table pass the accessibility checks (%s)', async (theme) => {
      const { fleet, tables } = await eventfulFleet();
      for (const fragment of [
        fleetWidget(fleet, 0, theme, arn),
        ...tables.map((table) => tableWidget(table, 0, theme, arn)),
      ]) {
        const page = await openWidget(fragment, theme);
        expect(await violationsIn(page)).toEqual([]);
        await page.close();
      }
    });

    it.each(themes)('the report as a file passes the accessibility checks (%s)', async (theme) => {
      const { fleet, tables } = await eventfulFleet();
      const page = await openFile(reportDocument(fleet, tables), theme);
      const back = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      expect(back).toBe(theme === 'dark' ? 'rgb(22, 29, 38)' : 'rgb(255, 255, 255)');
      await page.close();
      // The page's policy blocks all scripts, including the checker, so check the page without the policy.
      const bare = reportDocument(fleet, tables).replace(/<meta\s+http-equiv[^>]*>/, '');
      const checked = await openFile(bare, theme);
      expect(await violationsIn(checked)).toEqual([]);
      await checked.close();
    });

    it.each([600, 400])('at a width of %d pixels the fleet fits the widget', async (width) => {
      const { fleet, tables } = await eventfulFleet();
      for (const fragment of [
        fleetWidget(fleet, 0, 'light', arn),
        ...tables.map((table) => tableWidget(table, 0, 'light', arn)),
      ]) {
        const page = await openWidget(fragment, 'light', width);
        expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
        await page.close();
      }
    });

    it('text from others runs nothing, requests nothing, and is readable', async () => {
      const evil = '"><script>alert(1)</script><img src="https://example.com/x" onerror=alert(2)>';
      const { fleet, tables } = await eventfulFleet({ arn: `arn:aws:iam::123456789012:user/${evil}`, userAgent: evil });
      for (const fragment of [
        fleetWidget(fleet, 0, 'light', arn),
        ...tables.map((table) => tableWidget(table, 0, 'light', arn)),
      ]) {
        const page = await openWidget(fragment, 'light');
        expect(misdeeds).toEqual([]);
        expect(await page.locator('script, img').count()).toBe(0);
        await page.close();
      }
      const page = await openFile(reportDocument(fleet, tables), 'light');
      expect(misdeeds).toEqual([expect.stringMatching(/^requests file:/)]);
      expect(await page.locator('body').innerText()).toContain(evil);
      await page.close();
    });

    it('5,000 tables open page by page in a widget, and all at once in a file, where each can be found', async () => {
      const { fleet } = await eventfulFleet();
      const status = fleet.tables.at(-2)?.status;
      const tables = Array.from({ length: 5_000 }, (_, index) => ({
        routeTableId: `rtb-${index.toString(16).padStart(17, '0')}`,
        orders: { pauses: [], holds: [] },
        ...(status && { status }),
      }));
      const widget = await openWidget(fleetWidget({ ...fleet, tables }, 99, 'light', arn), 'light', 600);
      expect(await widget.locator('tbody tr').count()).toBe(50);
      expect(await widget.getByText('page 100 of 100').count()).toBe(1);
      await widget.close();
      const file = await openFile(reportDocument({ ...fleet, tables }, []), 'light');
      expect(await file.locator('tbody tr').count()).toBe(5_000);
      await file.getByText(`rtb-${(4_711).toString(16).padStart(17, '0')}`).scrollIntoViewIfNeeded();
      expect(await file.getByText(`rtb-${(4_711).toString(16).padStart(17, '0')}`).isVisible()).toBe(true);
      await file.close();
    });

    it('links in the file lead to a table', async () => {
      const { fleet, tables } = await eventfulFleet();
      const page = await openFile(reportDocument(fleet, tables), 'light');
      await page.getByRole('link', { name: 'rtb-06a1b2c3d4e5f6076' }).click();
      expect(page.url()).toMatch(/#rtb-06a1b2c3d4e5f6076$/);
      expect(await page.getByRole('heading', { name: 'rtb-06a1b2c3d4e5f6076' }).isVisible()).toBe(true);
      await page.close();
    });
  },
);
