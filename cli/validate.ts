import { readDesired } from './desired-input.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { stacked } from './layout.ts';
import { refusedJson, refusedText, summaryText, validJson, validText } from './output.ts';
import type { Terminal } from './terminal.ts';

export interface ValidateOptions {
  readonly file: readonly string[];
  readonly json?: boolean;
}

/** `routectl validate`: reports every problem of every table. Needs no network. */
export async function validate({ file, json = false }: ValidateOptions, terminal: Terminal): Promise<ExitCode> {
  const { print, note, look } = terminal;
  const inputs = await readDesired(file, new Date());
  const summary = summaryText(inputs.map(({ ok }) => (ok ? 'valid' : 'invalid')));
  if (json) {
    for (const input of inputs) print(input.ok ? validJson(input.desired) : refusedJson(input));
    note(summary);
  } else {
    const texts = inputs.map((input) => (input.ok ? validText(input.desired, look) : refusedText(input, look)));
    print(`${stacked(texts)}\n\n${summary}`);
  }
  return inputs.every(({ ok }) => ok) ? exitCode.ok : exitCode.failed;
}
