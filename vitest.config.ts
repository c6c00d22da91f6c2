import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    reporters: ['default', './test/support/plain-summary.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{reconciler,simulation,lambdas,cli,infra,lint,local,report}/**/*.test.ts'],
          // A machine that does other things besides is no failure.
          testTimeout: 60_000,
        },
      },
      {
        // Needs Chromium; says so and skips where there is none.
        test: { name: 'browser', include: ['test/browser/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 60_000 },
      },
      {
        // Needs the local stack: brought up once for the whole project, taken down at the end.
        test: {
          name: 'stack',
          include: ['test/stack/**/*.test.ts'],
          globalSetup: ['test/stack/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
