import type { Context } from 'aws-lambda';
import { z } from 'zod';
import { fleetWidget, tableWidget } from '../report/widget.ts';
import { reader } from './runtime.ts';

const event = z
  .object({
    describe: z.unknown().optional(),
    page: z.coerce.number().int().min(0).catch(0),
    routeTableId: z.string().optional().catch(undefined),
    widgetContext: z.object({ theme: z.enum(['light', 'dark']).catch('light') }).catch({ theme: 'light' }),
  })
  .catch({ page: 0, routeTableId: undefined, widgetContext: { theme: 'light' } });

/** The description that CloudWatch shows when somebody adds the widget to their own dashboard. */
const documentation = `## Route tables
Shows every managed route table by phase, with its last drift and who caused it. It needs no parameters.
\`\`\` yaml
page: 0                # the page to begin with
routeTableId: rtb-…    # or one table's page
\`\`\``;

/** Shows the fleet, or the page of one table, in a CloudWatch dashboard. Only reads. */
export async function handler(given: unknown, { invokedFunctionArn }: Context): Promise<string | { markdown: string }> {
  const { describe, page, routeTableId, widgetContext } = event.parse(given);
  if (describe !== undefined) return { markdown: documentation };
  const now = new Date();
  return routeTableId === undefined
    ? fleetWidget({ ...(await reader().fleet()), now }, page, widgetContext.theme, invokedFunctionArn)
    : tableWidget(
        { routeTableId, ...(await reader().table(routeTableId)), now },
        page,
        widgetContext.theme,
        invokedFunctionArn,
      );
}
