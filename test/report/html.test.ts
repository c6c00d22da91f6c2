import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { html } from '../../report/html.ts';

describe('html', () => {
  it('keeps the template as it is, and escapes inserted values', () => {
    const name = `<script>alert("x & y's")</script>`;
    expect(html`<b title="${name}">${name}</b>`.toString()).toBe(
      '<b title="&#60;script&#62;alert(&#34;x &#38; y&#39;s&#34;)&#60;/script&#62;">&#60;script&#62;alert(&#34;x &#38; y&#39;s&#34;)&#60;/script&#62;</b>',
    );
  });

  it('inserts its own HTML unescaped, also from lists, and shows nothing for undefined and false', () => {
    const items = ['a', 'b'].map((one) => html`<li>${one}</li>`);
    expect(html`${items}${undefined}${false}${0}`.toString()).toBe('<li>a</li><li>b</li>0');
  });

  it('never lets text break out of its place, whatever the text is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(html`${text}`.toString()).not.toMatch(/[<>"'`]|&(?!#\d+;)/);
      }),
    );
  });

  it('preserves every text', () => {
    const unescaped = (text: string) =>
      text.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => unescaped(html`${text}`.toString()) === text));
  });
});
