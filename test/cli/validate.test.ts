import { describe, expect, it } from 'vitest';
import { fileWith, fixture, jsonLines, routectl } from '../support/routectl.ts';

const validate = (...args: readonly string[]) => routectl(['validate', ...args], { offline: true });

const bad = `# The table of a private subnet.
routeTableId: rtb-0a1b2c3d4e5f60718
routes:
  - destination: 10.0.0.300/16
    target: pcx-0123456789abcdef0
  - { destination: 10.20.0.0/16, target: tgw-attach-0123456789abcdef0, metric: 5 }
  - destination: 10.21.0.0/16
mode: enforced
`;

describe('routectl validate', () => {
  it('accepts valid tables', async () => {
    expect(await validate('-f', fixture('routes.yaml'))).toEqual({
      code: 0,
      stdout: `✓ rtb-0a1b2c3d4e5f60718  valid: 6 routes
✓ rtb-0b1b2c3d4e5f60719  valid: 1 route
✓ rtb-0c1b2c3d4e5f6071a  valid: 1 route

3 tables: 3 valid
`,
      stderr: '',
    });
  });

  it('reports every problem with its place, in the order of the file', async () => {
    const file = fileWith(bad);
    const { code, stdout, stderr } = await validate('--json', '-f', file);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '1 table: 1 invalid\n' });
    expect(jsonLines(stdout)).toEqual([
      {
        routeTableId: 'rtb-0a1b2c3d4e5f60718',
        invalid: [
          {
            path: 'routes[0].destination',
            found: '10.0.0.300/16',
            message: expect.any(String),
            file,
            line: 4,
            column: 18,
          },
          {
            path: 'routes[1].target',
            found: 'tgw-attach-0123456789abcdef0',
            message: expect.stringContaining('not its attachment'),
            file,
            line: 6,
            column: 42,
          },
          {
            path: 'routes[1].metric',
            found: '5',
            message: expect.stringContaining('unknown field'),
            file,
            line: 6,
            column: 80,
          },
          { path: 'routes[2].target', found: 'nothing', message: expect.any(String), file, line: 7, column: 5 },
          { path: 'mode', found: 'enforced', message: 'expected enforce or observe', file, line: 8, column: 7 },
        ],
      },
    ]);
  });

  it('prints the same problems for people', async () => {
    const file = fileWith(bad);
    const { stdout } = await validate('-f', file);
    expect(stdout).toContain('✗ rtb-0a1b2c3d4e5f60718  invalid: 5 problems\n');
    expect(stdout).toContain(`${file}:8:7   mode                   expected enforce or observe; found enforced\n`);
  });

  it('reads one table, a list, and documents, in YAML and JSON, from several files and standard input', async () => {
    const table = (last: number): string => `{"routeTableId": "rtb-0000000000000000${last}", "routes": []}`;
    const files = [
      fileWith(table(1)),
      fileWith(`\uFEFF[${table(2)},\n\t${table(3)}]`, 'list.json'),
      fileWith(`---\n${table(4)}\n---\n# nothing in this one\n---\n- ${table(5)}\n`),
    ];
    const { code, stdout } = await routectl(
      ['validate', '--json', ...files.flatMap((file) => ['-f', file]), '-f', '-'],
      {
        stdin: table(6),
        offline: true,
      },
    );
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual(
      [1, 2, 3, 4, 5, 6].map((last) => ({ routeTableId: `rtb-0000000000000000${last}`, valid: true, findings: [] })),
    );
  });

  it('rejects a table that is listed twice, and names both places', async () => {
    const once = 'routeTableId: rtb-0a1b2c3d4e5f60718\nroutes: []\n';
    const [first, second] = [fileWith(once), fileWith(`# again\n${once}`)];
    const { code, stdout } = await validate('--json', '-f', first, second);
    expect(code).toBe(1);
    expect(jsonLines(stdout)).toEqual(
      [
        { file: first, line: 1, other: `${second}:2:15` },
        { file: second, line: 2, other: `${first}:1:15` },
      ].map(({ file, line, other }) => ({
        routeTableId: 'rtb-0a1b2c3d4e5f60718',
        invalid: [
          {
            path: 'routeTableId',
            found: 'rtb-0a1b2c3d4e5f60718',
            message: `expected each table only once, but it is also at ${other}`,
            file,
            line,
            column: 15,
          },
        ],
      })),
    );
  });

  it.each([
    ['a text', 'hello', null],
    ['a number', '5', null],
    ['an id that is not text', 'routeTableId: 5\nroutes: []', null],
    ['a list in a list', '- []', null],
    ['an anchor that contains itself', 'routeTableId: rtb-0a1b2c3d\nroutes: &a [*a]', 'rtb-0a1b2c3d'],
  ])('rejects %s', async (_, content, routeTableId) => {
    const { code, stdout } = await validate('--json', '-f', fileWith(content));
    expect(code).toBe(1);
    expect(jsonLines(stdout)).toMatchObject([{ routeTableId, invalid: [{ line: expect.any(Number) }] }]);
  });

  it('prints no control characters to the terminal', async () => {
    const { stdout } = await validate('-f', fileWith('routeTableId: "rtb-\\e[2J\\n"\nroutes: []\n'));
    expect(stdout).toContain('rtb-\\u{1b}[2J\\u{a}');
  });
});
