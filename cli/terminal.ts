import { styleText } from 'node:util';
import type { Look } from './layout.ts';

/** Where a command's words go. */
export interface Terminal {
  /** Prints what was asked for, on standard output. */
  readonly print: (text: string) => void;
  /** Prints everything else, such as progress, on standard error. */
  readonly note: (text: string) => void;
  readonly look: Look;
}

/** The terminal of this process. Colours only where they can be seen, and never with `NO_COLOR`. */
export function thisTerminal(): Terminal {
  // Whoever reads us may stop early, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  return {
    print: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
    look: {
      paint: (format, text) => styleText(format, text, { stream: process.stdout }),
      // Some pseudo-terminals have no columns at all.
      ...(process.stdout.columns > 0 && { width: process.stdout.columns }),
    },
  };
}
