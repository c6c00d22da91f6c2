import { createInterface } from 'node:readline/promises';
import { Failure } from './failure.ts';

/**
 * Asks a question on standard error. Everything but yes is no.
 *
 * @throws Failure if standard input is not a terminal
 */
export async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new Failure('there is no terminal to ask on, and nothing was done: use --yes to agree without a question');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
