import { globSync, readFileSync } from 'node:fs';
import { env } from 'node:process';
import { defineConfig } from 'vitest/config';

/** A machine that does other things besides is no failure. */
const patience = { testTimeout: 60_000, hookTimeout: 120_000 };

/** A sweep or a batch of messages may come between two steps of a test. The report names tests that ran twice. */
const onEmulators = { ...patience, retry: 1 };

const setupFiles = ['test/stack/support/tell-logs.ts'];

/** Tests that need a local stack: one is started for each worker, and all are stopped at the end. */
const globalSetup = ['test/stack/global-setup.ts'];

/** Files whose tests replace modules by others: they share no module with other files. */
const replaceModules = globSync('test/**/*.test.ts').filter((file) => readFileSync(file, 'utf8').includes('vi.mock('));

export default defineConfig({
  test: {
    reporters: ['default', './test/support/plain-summary.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{reconciler,simulation,lambdas,cli,infra,lint,local,report}/**/*.test.ts'],
          exclude: replaceModules,
          ...patience,
          // Importing the SDK and the CDK anew for each file took as long as the tests themselves.
          isolate: false,
        },
      },
      { test: { name: 'unit-alone', include: replaceModules, ...patience } },
      // Needs Chromium; says so and skips where there is none.
      { test: { name: 'browser', include: ['test/browser/**/*.test.ts'], ...patience, testTimeout: 120_000 } },
      {
        test: {
          name: 'stack',
          include: ['test/stack/*.test.ts', 'test/stack/end-to-end/*.test.ts'],
          globalSetup,
          setupFiles,
          maxWorkers: Number(env['LOCAL_STACKS'] ?? 1),
          ...onEmulators,
        },
      },
      {
        test: {
          name: 'alarms',
          include: ['test/stack/alarms/*.test.ts'],
          globalSetup,
          setupFiles,
          maxWorkers: 1,
          ...onEmulators,
        },
      },
      // `npm run walk:permissions`. It takes 5 minutes, so `npm test` leaves it out.
      {
        test: {
          name: 'permissions',
          include: ['test/stack/permissions/*.test.ts'],
          globalSetup,
          setupFiles,
          maxWorkers: 1,
          ...patience,
        },
      },
      // These tests start emulators of their own, and install the product there.
      { test: { name: 'installations', include: ['test/stack/installations/*.test.ts'], ...onEmulators } },
    ],
  },
});
