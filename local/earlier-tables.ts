import { z } from 'zod';
import { builder, parser } from './xml.ts';

const table = z.looseObject({ routeTableId: z.string() });
const withTables = z.looseObject({
  DescribeRouteTablesResponse: z.looseObject({ routeTableSet: z.object({ item: z.array(table) }) }),
});

/** What each caller saw of each table in its last read, so that a read can be made to show it again. */
export class EarlierTables {
  readonly #seen = new Map<string, z.infer<typeof table>>();

  answered(caller: string, body: string): void {
    for (const item of read(body)?.DescribeRouteTablesResponse.routeTableSet.item ?? [])
      this.#seen.set(`${caller} ${item.routeTableId}`, item);
  }

  /** The answer as if some tables, or all, had not changed since this caller read them. Others may be read with them. */
  shownIn(body: string, caller: string, tables?: readonly string[]): string {
    const shown = read(body);
    if (!shown) return body;
    const { routeTableSet } = shown.DescribeRouteTablesResponse;
    routeTableSet.item = routeTableSet.item.map((item) =>
      tables && !tables.includes(item.routeTableId) ? item : (this.#seen.get(`${caller} ${item.routeTableId}`) ?? item),
    );
    return builder.build(shown);
  }
}

/** The answer of DescribeRouteTables, if it shows any table. */
function read(body: string): z.infer<typeof withTables> | undefined {
  return withTables.safeParse(parser.parse(body)).data;
}
