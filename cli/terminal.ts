import { styleText } from 'node:util';
import type { Look } from './layout.ts';

/** The output of a command. */
export interface Terminal {
  /** Prints the requested output to standard output. */
  readonly print: (text: string) => void;
  /** Prints everything else, such as progress, to standard error. */
  readonly note: (text: string) => void;
  readonly look: Look;
}

/** The terminal of this process. It uses colours only if standard output supports them, and never with `NO_COLOR`. */
export function thisTerminal(): Terminal {
  // The reader of our output may stop early, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  return {
    print: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
    look: {
      paint: (format, text) => styleText(format, text, { stream: process.stdout }),
      // Some pseudo-terminals report 0 columns.
      ...(process.stdout.columns > 0 && { width: process.stdout.columns }),
    },
  };
}
