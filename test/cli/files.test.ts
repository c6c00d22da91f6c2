import { describe, expect, it } from 'vitest';
import { entriesOf, placeText } from '../../cli/files.ts';

const yaml = `# 1
- routeTableId: rtb-1
  routes: &common
    - destination: 10.0.0.0/8
      target: pcx-1
- routeTableId: rtb-2
  routes: *common
  paused: { reason: why, until: soon }
  "a.b":
    c: d
`;

describe('entriesOf', () => {
  const [first, second] = entriesOf('a.yaml', yaml);

  it.each([
    [first, '', '2:3'],
    [first, 'routeTableId', '2:17'],
    [first, 'routes', '3:3'],
    [first, 'routes[0].target', '5:15'],
    [second, 'routeTableId', '6:17'],
    [second, 'routes', '7:3'],
    [second, 'paused.until', '8:33'],
    [second, 'a.b', '9:3'],
  ])('finds the place of a value (%#)', (entry, path, place) => {
    expect(entry && placeText(entry.placeOf(path))).toBe(`a.yaml:${place}`);
  });

  it('finds the value of an alias at its anchor', () => {
    expect(second?.placeOf('routes[0].target')).toMatchObject({ line: 5, column: 15 });
  });

  it.each([
    ['routes[0].overrideLocal', 4],
    ['routes[7].target', 3],
    ['mode', 2],
  ])('finds the nearest enclosing value of %s, which is absent', (path, line) => {
    expect(first?.placeOf(path)).toMatchObject({ line });
  });

  it('reads text literally: no dates, no octal numbers, no other words for true', () => {
    const [entry] = entriesOf('a.yaml', 'until: 2027-01-31T00:00:00Z\ndestination: ::/0\npaused: yes\n');
    expect(entry?.item).toEqual({ until: '2027-01-31T00:00:00Z', destination: '::/0', paused: 'yes' });
  });

  it('lets many tables share one list of routes', () => {
    const tables = Array.from({ length: 500 }, (_, index) => `- { routeTableId: rtb-${index}, routes: *common }\n`);
    expect(entriesOf('a.yaml', `- { routeTableId: rtb-a, routes: &common [] }\n${tables.join('')}`)).toHaveLength(501);
  });
});
