import { z } from 'zod';
import { valuesOf } from './missing-reads.ts';
import { builder, parser } from './xml.ts';

const listOf = <T extends z.ZodType>(item: T) => z.looseObject({ item: z.array(item) });
const route = z.looseObject({ state: z.string() });
const tables = z.looseObject({
  DescribeRouteTablesResponse: z.looseObject({
    routeTableSet: listOf(z.looseObject({ routeSet: listOf(route) })),
  }),
});

/**
 * The answer of DescribeRouteTables with the filter `route.state` of its call: the tables with at least one such route,
 * each with all its routes. moto does not know this filter, nor which routes are blackholes.
 */
export function inRouteStates(body: string, parameters: URLSearchParams): string {
  const states = valuesOf(parameters, 'route.state');
  if (!states) return body;
  const { data: shown } = tables.safeParse(parser.parse(body));
  if (!shown) return body;
  const { routeTableSet } = shown.DescribeRouteTablesResponse;
  routeTableSet.item = routeTableSet.item.filter(({ routeSet }) =>
    routeSet.item.some(({ state }) => states.includes(state)),
  );
  return builder.build(shown);
}
