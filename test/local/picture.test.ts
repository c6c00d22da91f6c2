import xterm from '@xterm/headless';
import { describe, expect, it } from 'vitest';
import { type Frame, frameOf, picture } from '../../local/recordings/picture.ts';

const columns = 30;

async function frames(...outputs: readonly string[]): Promise<readonly Frame[]> {
  const terminal = new xterm.Terminal({ cols: columns, rows: 4, allowProposedApi: true });
  const shots: Frame[] = [];
  for (const [index, output] of outputs.entries()) {
    await new Promise<void>((resolve) => terminal.write(output, resolve));
    shots.push(frameOf(terminal, index * 1_000));
  }
  return shots;
}

describe('a picture of a terminal', () => {
  it('shows text where the terminal shows it, with its look', async () => {
    const svg = picture(
      'status',
      await frames('\u001B[1;31mFailed\u001B[0m   rtb-1\r\n\u001B[2mnow\u001B[0m'),
      columns,
    );
    expect(svg).toContain('fill:#ff7a7a;font-weight:bold">Failed<');
    expect(svg).toMatch(/x="66.4"[^>]*> {3}rtb-1</);
    expect(svg).toContain('opacity:0.65">now<');
    expect(svg).not.toContain('@keyframes');
  });

  it('escapes what the terminal shows', async () => {
    const svg = picture('<b>', await frames('<script>&"'), columns);
    expect(svg).toContain('&lt;script&gt;&amp;&quot;');
    expect(svg).toContain('<title>&lt;b&gt;</title>');
  });

  it('has all lines, also those that have scrolled away, and none below the last', async () => {
    const svg = picture('long', await frames('one\r\ntwo\r\nthree\r\nfour\r\nfive\r\nsix\r\n'), columns);
    expect(svg).toContain('>one<');
    expect(svg).toContain('viewBox="0 0 284 146"');
  });

  it('shows several frames one after the other, and only the last to whoever wants no motion', async () => {
    const svg = picture('watch', await frames('Verifying', '\r\u001B[KInSync'), columns);
    expect(svg).toContain('@keyframes f0{0%{opacity:0}0.00%{opacity:1}14.29%{opacity:0}}');
    expect(svg).toContain('@media(prefers-reduced-motion){.f{animation:none!important;opacity:0}.f1{opacity:1}}');
  });
});
