import type { IBufferCell, Terminal } from '@xterm/headless';

/** What a terminal showed at one moment: a row of equally painted pieces for each line. */
export interface Frame {
  /** Milliseconds since the start of the recording. */
  readonly at: number;
  readonly rows: readonly (readonly Piece[])[];
}

interface Look {
  readonly isBold: boolean;
  readonly isDim: boolean;
  readonly isInverse: boolean;
  /** One of the 16 colours of a terminal. Undefined for the usual one. */
  readonly colour: number | undefined;
}

interface Piece extends Look {
  readonly column: number;
  readonly text: string;
  /** In columns. */
  readonly width: number;
}

/** Everything that a terminal shows now, with what has scrolled away. */
export function frameOf(terminal: Terminal, at: number): Frame {
  const { active } = terminal.buffer;
  const rows = Array.from({ length: active.length }, (_, row) => {
    const line = active.getLine(row);
    const cells = Array.from({ length: line?.length ?? 0 }, (__, column) => line?.getCell(column));
    return piecesOf(cells);
  });
  return { at, rows: rows.slice(0, rows.findLastIndex((row) => row.length > 0) + 1) };
}

function piecesOf(cells: readonly (IBufferCell | undefined)[]): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const [column, cell] of cells.entries()) {
    if (!cell || cell.getWidth() === 0) continue;
    const look = {
      isBold: cell.isBold() !== 0,
      isDim: cell.isDim() !== 0,
      isInverse: cell.isInverse() !== 0,
      colour: cell.isFgPalette() ? cell.getFgColor() : undefined,
    };
    const text = cell.getChars() || ' ';
    const width = cell.getWidth();
    const last = pieces.at(-1);
    if (last && isLike(last, look))
      pieces.splice(-1, 1, { ...last, text: last.text + text, width: last.width + width });
    else pieces.push({ column, text, width, ...look });
  }
  return pieces.map((piece) => (piece.isInverse ? piece : trimmed(piece))).filter(({ text }) => text !== '');
}

function trimmed(piece: Piece): Piece {
  const text = piece.text.trimEnd();
  return { ...piece, text, width: piece.width - (piece.text.length - text.length) };
}

const isLike = (one: Look, other: Look): boolean =>
  one.isBold === other.isBold &&
  one.isDim === other.isDim &&
  one.isInverse === other.isInverse &&
  one.colour === other.colour;

const columnWidth = 8.4;
const rowHeight = 19;
const margin = 16;
const paper = '#161d26';
const ink = '#dedee3';
// prettier-ignore
const palette = [
  '#41464f', '#ff7a7a', '#7ddc8f', '#f0c674', '#7fb2ff', '#d6a0ff', '#6fd6d6', '#dedee3',
  '#8b919c', '#ff9d9d', '#a3e8b0', '#f7dca0', '#a8cbff', '#e5c2ff', '#9ee6e6', '#ffffff',
];

/** The longest time for which an animation shows one frame, and the time for which it shows the last one. */
const longestMs = 2_500;
const lastMs = 6_000;

/**
 * An SVG of a terminal. Several frames become an animation, which repeats. Whoever wants no motion sees the last frame.
 *
 * @param title what a reader hears who sees no pictures
 */
export function picture(title: string, frames: readonly Frame[], columns: number): string {
  const rows = Math.max(...frames.map((frame) => frame.rows.length));
  const [width, height] = [columns * columnWidth + 2 * margin, rows * rowHeight + 2 * margin];
  const shown = frames.map(({ at }, index) => {
    const next = frames[index + 1];
    return next ? Math.min(longestMs, next.at - at) : lastMs;
  });
  const wholeMs = shown.reduce((sum, ms) => sum + ms, 0);
  const groups = frames.map((frame, index) => {
    const startMs = shown.slice(0, index).reduce((sum, ms) => sum + ms, 0);
    const [from, to] = [startMs, startMs + (shown[index] ?? 0)].map((ms) => ((100 * ms) / wholeMs).toFixed(2));
    const isLast = index === frames.length - 1;
    const style = isLast
      ? `@keyframes f${index}{0%{opacity:0}${from}%{opacity:1}}`
      : `@keyframes f${index}{0%{opacity:0}${from}%{opacity:1}${to}%{opacity:0}}`;
    return { style, svg: `<g class="f f${index}">${frame.rows.map((row, line) => textOf(row, line)).join('')}</g>` };
  });
  const isStill = frames.length === 1;
  const motion = groups
    .map(({ style }, index) => `${style}.f${index}{animation:f${index} ${wholeMs}ms steps(1) infinite}`)
    .join('');
  const still = `@media(prefers-reduced-motion){.f{animation:none!important;opacity:0}.f${groups.length - 1}{opacity:1}}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width.toFixed(0)} ${height}" width="${width.toFixed(0)}" role="img">
<title>${escaped(title)}</title>
<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:${ink};white-space:pre}${isStill ? '' : motion + still}</style>
<rect width="100%" height="100%" rx="8" fill="${paper}"/>
${groups.map(({ svg }) => svg).join('\n')}
</svg>
`;
}

function textOf(row: readonly Piece[], line: number): string {
  const y = margin + (line + 0.75) * rowHeight;
  return row
    .map(({ column, text, width, isBold, isDim, isInverse, colour }) => {
      const x = margin + column * columnWidth;
      const length = width * columnWidth;
      const fill = isInverse ? paper : colour === undefined ? undefined : palette[colour];
      const look = [
        ...(fill === undefined ? [] : [`fill:${fill}`]),
        ...(isBold ? ['font-weight:bold'] : []),
        ...(isDim ? ['opacity:0.65'] : []),
      ];
      const style = look.length > 0 ? ` style="${look.join(';')}"` : '';
      const back = isInverse
        ? `<rect x="${x.toFixed(1)}" y="${(margin + line * rowHeight).toFixed(1)}" width="${length.toFixed(1)}" height="${rowHeight}" fill="${ink}"/>`
        : '';
      // The length keeps columns aligned, whatever font the reader has.
      return `${back}<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" textLength="${length.toFixed(1)}" xml:space="preserve"${style}>${escaped(text)}</text>`;
    })
    .join('');
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
