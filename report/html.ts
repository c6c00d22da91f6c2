/** A piece of HTML that is safe to show: made by \`html\` alone. */
export class Html {
  readonly #text: string;

  /** Not for others: what is given here is taken for HTML as it is. */
  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand in a template: text is escaped, pieces of HTML are not, nothing at all shows nothing. */
export type Content = string | number | Html | undefined | false | readonly Content[];

/**
 * HTML from a template. Every value is escaped for text and for quoted attributes, so that no name, tag, actor or message
 * can become markup; only other pieces made by this function pass as they are.
 */
export const html = (parts: TemplateStringsArray, ...values: readonly Content[]): Html =>
  new Html(parts.map((part, index) => `${index === 0 ? '' : textOf(values[index - 1])}${part}`).join(''));

function textOf(value: Content): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(textOf).join('');
  return String(value).replaceAll(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}
