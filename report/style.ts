import { Html, html } from './html.ts';

export type Theme = 'light' | 'dark';

const light = `
  --rr-text: #16191f; --rr-faint: #545b64; --rr-line: #d5dbdb; --rr-head: #f2f3f3; --rr-back: #fff; --rr-link: #0a58ca;
  --rr-good: #14601f; --rr-good-back: #e6f4e6; --rr-warn: #7a4300; --rr-warn-back: #fdf0d9;
  --rr-bad: #a30f0f; --rr-bad-back: #fde7e7; --rr-info: #1b4f9c; --rr-info-back: #e5effb;`;

const dark = `
  --rr-text: #e9ebed; --rr-faint: #b3bac3; --rr-line: #414d5c; --rr-head: #232b37; --rr-back: #161d26; --rr-link: #7cb8ff;
  --rr-good: #8fdc97; --rr-good-back: #17341c; --rr-warn: #ffcf80; --rr-warn-back: #3d2c10;
  --rr-bad: #ffb3b3; --rr-bad-back: #451b1b; --rr-info: #a9cdff; --rr-info-back: #1b304f;`;

// Every rule sets its colours explicitly: in a dashboard, CloudWatch's own styles apply first.
const rules = `
  .rr { color: var(--rr-text); background: var(--rr-back); font: 14px/1.45 'Helvetica Neue', Roboto, Arial, sans-serif; }
  .rr p { margin: 0.4em 0; }
  .rr h2 { font-size: 1.25em; margin: 1.2em 0 0.3em; }
  .rr h3 { font-size: 1.05em; margin: 1em 0 0.3em; }
  .rr a { color: var(--rr-link); text-decoration: underline; cursor: pointer; }
  .rr code {
    font: 12.5px/1.4 Menlo, Consolas, 'DejaVu Sans Mono', monospace;
    color: inherit; background: none; padding: 0; white-space: nowrap;
  }
  .rr .rr-long { white-space: normal; overflow-wrap: anywhere; }
  /* CloudWatch removes these elements; hide them everywhere else. */
  .rr cwdb-action { display: none; }
  .rr-scroll { overflow-x: auto; margin: 0.6em 0; }
  .rr table { border-collapse: collapse; width: 100%; font-size: 13px; }
  .rr caption { text-align: left; font-weight: 700; padding: 0.3em 0; color: var(--rr-text); }
  .rr th, .rr td {
    text-align: left; vertical-align: top; padding: 0.35em 0.7em; font-weight: 400;
    border-bottom: 1px solid var(--rr-line); color: var(--rr-text); background: var(--rr-back);
  }
  .rr thead th { background: var(--rr-head); font-weight: 700; white-space: nowrap; }
  .rr tbody th { font-weight: 700; min-width: 15em; }
  .rr-id { white-space: nowrap; }
  .rr time { white-space: nowrap; }
  .rr .rr-number { text-align: right; font-variant-numeric: tabular-nums; }
  .rr-reason, .rr-note { color: var(--rr-faint); font-weight: 400; font-size: 12.5px; }
  .rr-reason { max-width: 36em; }
  .rr-counts { display: flex; flex-wrap: wrap; gap: 0.4em 1.2em; }
  .rr-count { font-size: 16px; font-weight: 700; white-space: nowrap; }
  .rr-phase {
    display: inline-block; border-radius: 9px; padding: 0 0.6em; font-size: 12.5px; font-weight: 700; white-space: nowrap;
    color: var(--rr-info); background: var(--rr-info-back);
  }
  .rr-InSync { color: var(--rr-good); background: var(--rr-good-back); }
  .rr-Failed, .rr-Missing, .rr-Invalid, .rr-Contested { color: var(--rr-bad); background: var(--rr-bad-back); }
  .rr-Degraded, .rr-Blocked, .rr-Unknown, .rr-Drifted { color: var(--rr-warn); background: var(--rr-warn-back); }
  .rr-callout { border-left: 4px solid var(--rr-warn); background: var(--rr-warn-back); padding: 0.5em 0.8em; }
  .rr dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2em 1em; margin: 0.6em 0; }
  .rr dt { color: var(--rr-faint); }
  .rr dd { margin: 0; overflow-wrap: anywhere; }
  .rr ul { margin: 0; padding-left: 1.1em; }
  .rr summary { cursor: pointer; }
  @media (max-width: 480px) { .rr dl { grid-template-columns: 1fr; } }`;

const page = `
  body { margin: 1.5em auto; max-width: 90em; padding: 0 1em; background: var(--rr-back); color: var(--rr-text); }
  h1 { font-size: 1.5em; }`;

const element = (css: string): Html =>
  html`<style>
    ${new Html(css)}
  </style>`;

/** The styles of a page inside a dashboard, in the dashboard's theme. */
export const styles = (theme: Theme): Html => element(`.rr {${theme === 'dark' ? dark : light}\n}\n${rules}`);

/** The styles of a standalone page, light or dark according to the reader's system. */
export const documentStyles: Html = element(`
:root {${light}\n  color-scheme: light dark;\n}
@media (prefers-color-scheme: dark) { :root {${dark} } }
${rules}
${page}`);
