/** HTML that is safe to show. Only `html` creates it. */
export class Html {
  readonly #text: string;

  /** For this folder only: the text is used as HTML without escaping. */
  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** A value in a template. Text is escaped, HTML is not; undefined and false show nothing. */
export type Content = string | number | Html | undefined | false | readonly Content[];

/**
 * Builds HTML from a template. Every value is escaped for text and for quoted attributes, so no name, tag, actor or
 * message can become markup. Only HTML made by this function is inserted unescaped.
 */
export const html = (parts: TemplateStringsArray, ...values: readonly Content[]): Html =>
  new Html(parts.map((part, index) => `${index === 0 ? '' : textOf(values[index - 1])}${part}`).join(''));

function textOf(value: Content): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(textOf).join('');
  return String(value).replaceAll(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}
