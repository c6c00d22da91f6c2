import { z } from 'zod';
import { type DeployedItem, writeItem } from '../reconciler/deployed-item.ts';
import { deployedItems } from './runtime.ts';

const properties = z.object({
  Item: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.looseObject({ routeTableId: z.string() })),
});

/** What CloudFormation sends for a custom resource. */
const request = z.object({
  ResponseURL: z.url(),
  StackId: z.string(),
  RequestId: z.string(),
  LogicalResourceId: z.string(),
  PhysicalResourceId: z.string().optional(),
  RequestType: z.enum(['Create', 'Update', 'Delete']),
  ResourceProperties: properties,
  OldResourceProperties: properties.optional(),
});

/** CloudFormation accepts an answer of at most 4 KB. */
const reasonAtMost = 2_000;

/**
 * Writes and deletes the item of a `DesiredRouteTable` for CloudFormation. It touches nothing but this item.
 *
 * @throws Error if CloudFormation cannot be answered. Lambda then repeats the call, which changes nothing more
 */
export async function handler(given: unknown): Promise<void> {
  const { ResponseURL, StackId, RequestId, LogicalResourceId, ...asked } = request.parse(given);
  const item = asked.ResourceProperties.Item;
  const failure = await carryOut(asked.RequestType, item, asked).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  const answer = {
    Status: failure === undefined ? 'SUCCESS' : 'FAILED',
    Reason: failure?.slice(0, reasonAtMost),
    // Another id tells CloudFormation to delete what the old id names.
    PhysicalResourceId: asked.RequestType === 'Delete' ? asked.PhysicalResourceId : item.routeTableId,
    StackId,
    RequestId,
    LogicalResourceId,
  };
  // The signature of the URL is for an empty type.
  const init = { method: 'PUT', headers: { 'content-type': '' }, body: JSON.stringify(answer) };
  const response = await fetch(ResponseURL, init);
  if (!response.ok) throw new Error(`CloudFormation did not take the answer: HTTP ${response.status}`);
}

async function carryOut(
  kind: z.output<typeof request>['RequestType'],
  item: DeployedItem,
  {
    PhysicalResourceId,
    OldResourceProperties,
  }: Pick<z.output<typeof request>, 'PhysicalResourceId' | 'OldResourceProperties'>,
): Promise<void> {
  const items = deployedItems();
  switch (kind) {
    case 'Delete':
      // If others edited the item, it is theirs now and stays.
      if (item.routeTableId === PhysicalResourceId) await items.remove(item.routeTableId, item);
      return;
    case 'Create':
    case 'Update': {
      const old = OldResourceProperties?.Item;
      const before = old?.routeTableId === item.routeTableId ? old : undefined;
      return writeItem(items, { item, before, now: new Date() });
    }
    default:
      kind satisfies never;
  }
}
