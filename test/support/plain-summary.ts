import type { Reporter, TestModule } from 'vitest/node';
import { z } from 'zod';

/** The numbers of tests by result. */
export type Summary = z.infer<typeof summarySchema>;

export const summarySchema = z.object({ passed: z.number(), failed: z.number(), skipped: z.number() });

/** Ends a test run with one plain line for machines. A parent process gets the numbers instead, and prints the sum. */
export default class PlainSummary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      // A file that failed to load contains no tests, so count it as one failure.
      if (module.state() === 'failed' && module.children.size === 0) count.failed++;
      for (const test of module.children.allTests()) count[test.result().state]++;
    }
    if (process.send) process.send(count);
    // Print after all other reporters.
    else process.once('exit', () => console.log(summaryText([count])));
  }
}

/** `N passed, N failed, N skipped` */
export function summaryText(summaries: readonly Summary[]): string {
  const sum = (name: keyof Summary): number => summaries.reduce((total, summary) => total + summary[name], 0);
  return `${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`;
}
