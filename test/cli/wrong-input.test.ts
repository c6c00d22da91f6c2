import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Ended, type Surroundings, fileWith, fixture, routectl } from '../support/routectl.ts';

/** A kind of wrong input: its name, the arguments, and what the sentence about it says. */
type Kind = readonly [name: string, args: readonly string[], says: string, surroundings?: Surroundings];

const rtb = 'rtb-0a1b2c3d4e5f60718';
const red = '\u001B[31m';
const visible = String.raw`\u{1b}[31m`;

const valid = fileWith(`routeTableId: ${rtb}\nroutes: []\n`);
const answer = fixture('describe-route-tables.json');
const itemWith = (fields: string): string => fileWith(`routeTableId: ${rtb}\n${fields}\n`);
const routeOf = (route: string): string => itemWith(`routes: [${route}]`);
const settings = (text: string): Surroundings => ({ cwd: dirname(fileWith(text, '.routectl.yaml')) });
const answerOf = (content: unknown): string => fileWith(JSON.stringify(content), 'answer.json');

/** Ten levels of ten aliases: a few lines that expand to 10,000 million values. */
function aliasBomb(): string {
  const levels = Array.from(
    { length: 10 },
    (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level}, `.repeat(10)}]`,
  );
  return ['a0: &a0 [x]', ...levels].join('\n');
}

const bare = { RouteTableId: rtb, Routes: [] };

const words: readonly Kind[] = [
  ['no command', [], 'Usage: routectl'],
  ['an unknown command', ['plna'], "unknown command 'plna'"],
  ['an unknown option', ['plan', '-f', valid, '--josn'], "unknown option '--josn'"],
  ['a command with escape sequences', [red], `unknown command '${visible}'`],
  ['an option with escape sequences', ['plan', '-f', valid, `--${red}`], `unknown option '--${visible}'`],
  ['a format with escape sequences', ['plan', '-f', valid, '-o', red], `argument '${visible}' is invalid`],
  ['an argument too many with escape sequences', ['watch', red], `got 1: ${visible}`],
  ['a missing option', ['plan'], "required option '-f, --file <files...>' not specified"],
  ['an option without its value', ['plan', '-f'], "option '-f, --file <files...>' argument missing"],
  ['a missing argument', ['hold', rtb, '--end'], "missing required argument 'destination'"],
  ['an argument too many', ['watch', 'fast'], "too many arguments for 'watch'"],
  ['an unknown format', ['plan', '-f', valid, '-o', 'html'], 'Allowed choices are text, json, markdown'],
  ['two formats', ['plan', '-f', valid, '--json', '-o', 'text'], "option '--json' cannot be used with option '-o"],
  ['an unknown order', ['status', '--sort', 'size'], 'Allowed choices are urgency, id, name, drift'],
  ['an unknown phase', ['status', '--phase', 'Broken'], '--phase Broken: expected one of InSync, '],
  ['an unknown shell', ['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
];

const ids: readonly Kind[] = [
  ['the id of a VPC for a table', ['history', 'vpc-0a1b2c3d'], '"vpc-0a1b2c3d" is not a route table id'],
  [
    'an id in capitals',
    ['status', rtb.toUpperCase()],
    'is not a route table id: expected rtb- and 17 (or 8) hex digits',
  ],
  ['an empty id', ['status', ''], '"" is not a route table id'],
  ['an id with escape sequences', ['status', red], `"${visible}" is not a route table id`],
  ['an id that is neither table nor plan', ['approve', 'plan-1'], '"plan-1" is not a route table id'],
  ['a target for a destination', ['accept', rtb, 'igw-0a1b2c3d'], '"igw-0a1b2c3d" is not a destination'],
  ['an octet above 255', ['hold', rtb, '10.0.0.300/8', '--end'], '"10.0.0.300/8" is not a destination'],
  ['leading zeros', ['hold', rtb, '010.0.0.0/8', '--end'], 'expected an IPv4 CIDR block without leading zeros'],
  ['a block for an address', ['trace', rtb, '10.0.0.0/8'], '"10.0.0.0/8" is not an address'],
  [
    'a VPC for the start of a packet',
    ['trace', 'vpc-0a1b2c3d', '10.0.0.1'],
    '"vpc-0a1b2c3d" is neither a subnet nor a route table',
  ],
  ['a VPC for a round trip', ['doctor', '--round-trip', 'vpc-0a1b2c3d'], '"vpc-0a1b2c3d" is not a route table id'],
  ['a host name for an address', ['trace', rtb, 'example.com'], '"example.com" is not an address'],
  [
    'an account that is none',
    ['status', '--account', '12ab'],
    '--account 12ab: expected the 12 digits of an account id',
  ],
  ['a tag without a value', ['import', '--tag', 'x', '--actual', answer], '--tag x: expected key=value'],
];

const orders: readonly Kind[] = [
  ['a pause of nothing', ['pause', '--reason', 'x'], 'give the ids of route tables, or --all for all tables'],
  ['a pause of one and all', ['pause', rtb, '--all', '--reason', 'x'], 'give route table ids or --all, not both'],
  ['a blank reason', ['pause', rtb, '--reason', ' '], 'give a --reason'],
  ['a time in words', ['pause', rtb, '--reason', 'x', '--for', '2 weeks'], '--for 2 weeks: expected a time such as'],
  ['a time of zero', ['pause', rtb, '--reason', 'x', '--for', '0m'], '--for 0m: expected a time such as'],
  [
    'a day that does not exist',
    ['pause', rtb, '--reason', 'x', '--until', '2999-02-30T00:00:00Z'],
    'there is no such day',
  ],
  ['two ends', ['hold', rtb, '10.0.0.0/8', '--for', '1h', '--until', '2999-01-01T00:00:00Z'], 'give --until or --for'],
  ['an end in the past', ['pause', rtb, '--reason', 'x', '--until', '2020-01-01T00:00:00Z'], 'is in the past'],
  ['an end without a time zone', ['pause', rtb, '--reason', 'x', '--until', '2999-01-01T00:00'], 'with its time zone'],
  ['a hold without an end', ['hold', rtb, '10.0.0.0/8'], 'give an end: --for 2h or --until'],
  [
    'a hold that ends now and later',
    ['hold', rtb, '10.0.0.0/8', '--end', '--for', '1h'],
    'give --end or a time, not both',
  ],
  ['a start in words', ['history', rtb, '--since', 'yesterday'], '--since yesterday: expected a time such as 2h'],
  ['a pace of zero', ['watch', '--every', '0s'], '--every 0s: expected a time such as 5s or 1m, at least 1s'],
  ['a patience in words', ['apply', '-f', valid, '--timeout', 'soon'], '--timeout soon: expected a time such as'],
  ['a part and a prune', ['apply', '-f', valid, '--only', rtb, '--prune'], 'give --only or --prune, not both'],
  ['a part that no file has', ['apply', '-f', valid, '--only', 'rtb-0a1b2c3d'], 'no file has such a table'],
  ['an import of nothing', ['import'], 'name the tables to import'],
  [
    'an import to two places',
    ['import', '--all', '--file', valid, '--out-dir', 'x'],
    'give --out-dir or --file, not both',
  ],
  [
    'an import into a wrong file',
    ['import', '--all', '--file', itemWith('routes: 5')],
    'is invalid: run "routectl validate',
  ],
  ['a report to nowhere', ['report'], 'choose an output: --html report.html, or --json'],
];

const files: readonly Kind[] = [
  ['a missing file', ['validate', '-f', 'nowhere.yaml'], 'nowhere.yaml: no such file'],
  ['a missing file with escape sequences', ['validate', '-f', red], `${visible}: no such file`],
  ['a file name without a letter', ['validate', '-f', ''], 'the name of a file is empty'],
  [
    'standard input twice',
    ['validate', '-f', '-', '-'],
    'standard input can be read only once',
    { stdin: 'routes: []' },
  ],
  [
    'standard input for items and answer',
    ['plan', '-f', '-', '--actual', '-'],
    'only once',
    { stdin: `routeTableId: ${rtb}\nroutes: []` },
  ],
  ['a folder', ['validate', '-f', dirname(valid)], 'this is a directory; pass the files in it'],
  ['an empty file', ['validate', '-f', fileWith('')], 'the file contains no route table'],
  ['a file of comments', ['validate', '-f', fileWith('# nothing\n---\n# here\n')], 'the file contains no route table'],
  ['an empty list', ['validate', '-f', fileWith('[]')], 'the file contains no route table'],
  ['another encoding', ['validate', '-f', fileWith(Buffer.from('\uFEFFa', 'utf16le'))], 'this is not UTF-8 text'],
  [
    'a key written twice',
    ['validate', '-f', fileWith('routes: []\nroutes: []\n')],
    'routes.yaml:2:1: not valid YAML: ',
  ],
  ['broken JSON', ['validate', '-f', fileWith('{"routes": [}', 'a.json')], 'a.json:1:13: not valid YAML: '],
  ['an unresolved alias', ['validate', '-f', fileWith('routes: *common\n')], 'Unresolved alias'],
  ['an alias bomb', ['validate', '-f', fileWith(aliasBomb())], 'Excessive alias count'],
  ['deeply nested brackets', ['validate', '-f', fileWith('['.repeat(50_000) + ']'.repeat(50_000))], 'not valid YAML: '],
  ['broken YAML', ['validate', '-f', fileWith('routes: [\n')], 'routes.yaml:2:1: not valid YAML'],
  ['a tag of CloudFormation', ['validate', '-f', itemWith('routes: !Ref Routes')], 'routes.yaml:2:9: not valid YAML'],
  ['an item without an id', ['validate', '-f', fileWith('routes: []')], 'routeTableId'],
  ['an item without routes', ['validate', '-f', fileWith(`routeTableId: ${rtb}`)], 'expected a list of routes'],
  ['a misspelled field', ['validate', '-f', itemWith('routes: []\nmodes: observe')], 'did you mean mode?'],
  [
    'a field with escape sequences',
    ['validate', '-f', itemWith('routes: []\n"\\e[31m": 1')],
    `${visible}  unknown field`,
  ],
  ['a misspelled mode', ['validate', '-f', itemWith('routes: []\nmode: enforced')], 'expected enforce or observe'],
  [
    'a malformed destination',
    ['validate', '-f', routeOf('{ destination: 10.0.0.0/33, target: local }')],
    '10.0.0.0/33',
  ],
  [
    'an attachment for a target',
    ['validate', '-f', routeOf('{ destination: 10.0.0.0/8, target: tgw-attach-0a1b2c3d }')],
    'not its attachment',
  ],
  [
    'a target that cannot carry it',
    ['validate', '-f', routeOf('{ destination: 0.0.0.0/0, target: eigw-0a1b2c3d4e5f60718 }')],
    'IPv6',
  ],
  ['an invalid item for apply', ['apply', '-y', '-f', itemWith('routes: 5')], 'expected a list of routes'],
];

const answers: readonly Kind[] = [
  ['a missing answer', ['plan', '-f', valid, '--actual', 'nowhere.json'], 'nowhere.json: no such file'],
  ['an empty answer', ['plan', '-f', valid, '--actual', fileWith('')], 'describe-route-tables'],
  ['half an answer', ['plan', '-f', valid, '--actual', fileWith('{"RouteTables": [')], 'not valid JSON'],
  ['another answer', ['plan', '-f', valid, '--actual', answerOf({ Vpcs: [] })], 'describe-route-tables'],
  [
    'one page of several',
    ['plan', '-f', valid, '--actual', answerOf({ RouteTables: [], NextToken: 'x' })],
    'only one page',
  ],
  [
    'a table without routes',
    ['plan', '-f', valid, '--actual', answerOf({ RouteTables: [{ RouteTableId: rtb }] })],
    'RouteTables[0].Routes',
  ],
  [
    'an answer with a table twice',
    ['plan', '-f', valid, '--actual', answerOf({ RouteTables: [bare, bare] })],
    `${rtb} is there twice`,
  ],
  [
    'an error of the AWS CLI',
    ['plan', '-f', valid, '--actual', fileWith('An error occurred (UnauthorizedOperation)')],
    'describe-route-tables',
  ],
  [
    'half an answer in YAML',
    ['plan', '-f', valid, '--actual', fileWith('RouteTables:\n- Routes: [', 'answer.yaml')],
    'answer.yaml: not valid YAML',
  ],
  ['an answer without the table', ['import', 'rtb-0a1b2c3d', '--actual', answer], 'rtb-0a1b2c3d: no such route table'],
  [
    'a subnet, which an answer does not show',
    ['trace', 'subnet-0a1b2c3d', '10.0.0.1', '--actual', answer],
    'give a route table',
  ],
];

const configs: readonly Kind[] = [
  ['a misspelled setting', ['status'], 'unknown setting "acount": did you mean account?', settings('acount: "1"')],
  ['a setting with escape sequences', ['status'], `unknown setting "${visible}"`, settings('"\\e[31m": 1')],
  ['a list of settings', ['status'], 'expected a map of settings', settings('[region]')],
  ['two documents of settings', ['status'], 'expected one document', settings('region: a\n---\nregion: b\n')],
  [
    'an account without quotes',
    ['status'],
    'expected the 12 digits of an account id, in quotes',
    settings('account: 111122223333'),
  ],
  ['no setting', ['status'], 'the file contains no setting', settings('')],
  ['broken settings', ['status'], '.routectl.yaml:2:1: not valid YAML', settings('region: [\n')],
  ['an account with a digit too few', ['status'], 'the 12 digits of an account id', settings('account: "11112222333"')],
];

const all = [...words, ...ids, ...orders, ...files, ...answers, ...configs].map(
  ([name, args, says, surroundings = {}]) => [name, args, says, surroundings] as const,
);

/** Where a sentence stands: after the name of the program or of commander's error, or in the row of an item's problem. */
const sentences = [/^routectl: (.+)\n$/, /^error: (.+)\n(?:\(Did you mean .+\)\n)?\nUsage: /, /^(Usage: routectl)/];
const problem = /^✗ .+ {2}invalid: 1 problem\n\n +(.+)\n/;

function sentenceOf({ stdout, stderr }: Ended): string {
  const found = stdout === '' ? sentences.map((form) => form.exec(stderr)?.[1]) : [problem.exec(stdout)?.[1]];
  return found.find((text) => text !== undefined) ?? `no sentence in: ${stdout}${stderr}`;
}

describe('wrong input', () => {
  it('is known in at least 40 kinds', () => {
    expect(new Set(all.map(([name]) => name)).size).toBe(all.length);
    expect(all.length).toBeGreaterThanOrEqual(40);
  });

  it.each(all)(
    '%s: one clear sentence, exit code 1, nothing read from AWS, nothing changed',
    async (_, args, says, surroundings) => {
      const before = readFileSync(valid, 'utf8');
      const ended = await routectl(args, { offline: true, ...surroundings });
      expect(sentenceOf(ended)).toContain(says);
      expect(ended.code).toBe(1);
      expect(ended.stdout + ended.stderr).not.toMatch(/[^\n\P{Cc}]|^ +at |unexpected: /mu);
      expect(readFileSync(valid, 'utf8')).toBe(before);
    },
  );
});
