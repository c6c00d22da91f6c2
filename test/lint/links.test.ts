import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const pages = globSync(['*.md', 'docs/*.md'], { cwd: root });

const textOf = (page: string): string => readFileSync(path.join(root, page), 'utf8').replaceAll(/^```.*?^```/gms, '');

/** The anchors of a page, as GitHub makes them: each heading in lower case, without punctuation. */
function anchorsOf(page: string): readonly string[] {
  const headings = [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The links of a page to other places in this repository. */
function linksOf(page: string): readonly string[] {
  const found = [...textOf(page).matchAll(/\]\(([^)\s]+)\)|^\[\w+\]: (\S+)$/gm)];
  return found.map(([, inline, reference]) => String(inline ?? reference)).filter((link) => !link.includes('://'));
}

describe('every link leads to a file and a heading that exist:', () => {
  it.each(pages)('%s', (page) => {
    const broken = linksOf(page).filter((link) => {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? page : path.join(path.dirname(page), file);
      if (!existsSync(path.join(root, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});
