import { globSync, readFileSync } from 'node:fs';
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
    // A sweep or a batch of messages may come between two steps of a test. The report names tests that ran twice.
    retry: 1,
  },
});

/** Files whose tests replace modules by others: they share no module with other files. */
const replaceModules = globSync('test/**/*.test.ts').filter((file) => readFileSync(file, 'utf8').includes('vi.mock('));

const unit = (name: string, options: { include: string[]; exclude?: string[]; isolate?: false }) => ({
  // A machine that does other things besides is no failure.
  test: { name, testTimeout: 60_000, hookTimeout: 120_000, ...options },
});

export default defineConfig({
  test: {
    reporters: ['default', './test/support/plain-summary.ts'],
    projects: [
      unit('unit', {
        include: ['test/{reconciler,simulation,lambdas,cli,infra,lint,local,report}/**/*.test.ts'],
        exclude: replaceModules,
        // Importing the SDK and the CDK anew for each file took as long as the tests themselves.
        isolate: false,
      }),
      unit('unit-alone', { include: replaceModules }),
      {
        // Needs Chromium; says so and skips where there is none.
        test: { name: 'browser', include: ['test/browser/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 60_000 },
      },
      onStack('stack', ['test/stack/*.test.ts', 'test/stack/end-to-end/*.test.ts']),
      onStack('alarms', ['test/stack/alarms/*.test.ts']),
    ],
  },
});
