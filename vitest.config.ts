import { defineConfig } from 'vitest/config';

/** Tests that need a local stack: it is started once for the whole project, and stopped at the end. */
const onStack = (name: string, include: string[]) => ({
  test: {
    name,
    include,
    globalSetup: ['test/stack/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});

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
      onStack('stack', ['test/stack/*.test.ts', 'test/stack/end-to-end/*.test.ts']),
      onStack('alarms', ['test/stack/alarms/*.test.ts']),
    ],
  },
});
