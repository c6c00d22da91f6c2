import { changeAsJson } from '../reconciler/core/route/change.ts';
import { counted } from '../reconciler/core/route/counted.ts';
import type { Impact } from '../reconciler/core/route/impact.ts';
import type { RefusedInput } from './desired-input.ts';
import { placeText } from './files.ts';
import { type Impacts, areaText, hopsText, pathsOf, waitText } from './impact.ts';
import { sections } from './layout.ts';
import { printable } from './printable.ts';
import { factsOf, heldIn, plansSummary, stateOf } from './output.ts';
import type { Planned } from './planned.ts';

// Texts of others reach a pull request here. They stand in code, where GitHub neither renders nor mentions anybody.

/** Plans for a pull request: changes and impact in tables, and what a reviewer should know. */
export const planMarkdown = (results: readonly (Planned | RefusedInput)[], impacts: Impacts): string =>
  [
    `## Route plan: ${plansSummary(results)}`,
    ...results.map((result) =>
      'plan' in result ? tableMarkdown(result, impacts.get(result)) : refusedMarkdown(result),
    ),
  ].join('\n\n');

const symbols = { 'in sync': '✅', 'out of sync': '🟡', blocked: '🟣', missing: '❌' } as const;

function tableMarkdown(planned: Planned, impact: Impact | undefined): string {
  const { plan, actual } = planned;
  const state = stateOf(planned);
  const name = actual?.tags['Name'];
  const title = [
    `### ${symbols[state]} ${code(plan.routeTableId)}`,
    ...(name === undefined ? [] : [code(name)]),
    `${state}${factsOf(planned)}`,
  ].join(' ');
  const held = heldIn(plan);
  const changes = plan.changes.map((change) => {
    const { action, destination, from, to, because } = changeAsJson(change);
    const note = action === 'delete' ? held.get(destination) : because && 'its target is down';
    return [action, code(destination), ...[from, to].map((end) => (end === undefined ? '' : code(end))), note ?? ''];
  });
  return sections(
    [title],
    grid(['change', 'destination', 'from', 'to', ''], changes),
    impact && plan.changes.length > 0 ? impactMarkdown(impact) : [],
    plan.blocked ? [`**Blocked** (${plan.blocked.code})`, '', ...fenced([plan.blocked.message])] : [],
    plan.findings.length > 0
      ? folded(
          counted(plan.findings.length, 'finding'),
          plan.findings.map(({ code, message }) => `${message} [${code}]`),
        )
      : [],
  );
}

function impactMarkdown({ changes, unread }: Impact): string[] {
  const rows = [
    ...changes.map((change) => {
      const [before = '', ...after] = pathsOf(change).map(code);
      return [code(areaText(change)), before, after.join(' → '), waitText(change)];
    }),
    ...unread.map(({ destination, before, after }) => [
      code(destination),
      ...[before, after].map((hop) => code(hopsText(hop ? [hop] : []))),
      'its addresses could not be read',
    ]),
  ];
  return rows.length === 0
    ? ['No address changes its path.']
    : grid(['addresses', 'path before', 'path after', ''], rows);
}

function refusedMarkdown({ routeTableId, problems }: RefusedInput): string {
  const lines = problems.map(
    ({ path, found, message, ...place }) => `${placeText(place)}  ${path}  ${message}; found ${found}`,
  );
  return sections(
    [`### ❌ ${code(routeTableId ?? 'a table without an id')} invalid: ${counted(problems.length, 'problem')}`],
    fenced(lines),
  );
}

function grid(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return rows.length === 0 ? [] : [line(heads), line(heads.map(() => '---')), ...rows.map(line)];
}

/** A code span in a table. */
function code(text: string): string {
  const safe = printable(text).replaceAll('|', '\\|');
  const fence = '`'.repeat(longestRun(safe) + 1);
  return fence.length === 1 ? `\`${safe}\`` : `${fence} ${safe} ${fence}`;
}

function fenced(lines: readonly string[]): string[] {
  const text = lines.map(printable);
  const fence = '`'.repeat(Math.max(3, ...text.map((line) => longestRun(line) + 1)));
  return [`${fence}text`, ...text, fence];
}

const folded = (title: string, lines: readonly string[]): string[] => [
  `<details><summary>${title}</summary>`,
  '',
  ...fenced(lines),
  '',
  '</details>',
];

const longestRun = (text: string): number => Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
