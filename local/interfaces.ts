import { XMLParser } from 'fast-xml-parser';
import { z } from 'zod';

/** The tag of an interface that counts as attached to an instance of the account in its value: moto knows only one. */
export const attachedByTag = 'local:attached-by';

/** The instance to which an interface is attached. EC2 shows only the account if the instance is not ours. */
interface Attachment {
  readonly instanceId?: string | undefined;
  readonly instanceOwnerId: string;
}

/** A route through an interface in the answer of DescribeRouteTables. A route contains no lists. */
const throughInterface =
  /<item>(?:(?!<\/?item>).)*?<networkInterfaceId>(eni-\w+)<\/networkInterfaceId>(?:(?!<\/?item>).)*<\/item>/gs;

/** The interfaces to which the routes in an answer of DescribeRouteTables lead. */
export const interfacesIn = (body: string): readonly string[] => [
  ...new Set([...body.matchAll(throughInterface)].map(([, id = '']) => id)),
];

/** The parameters of the call that describes interfaces. Unlike ids, a filter may name interfaces that are gone. */
export function describeInterfaces(ids: readonly string[]): URLSearchParams {
  const parameters = new URLSearchParams({
    Action: 'DescribeNetworkInterfaces',
    Version: '2016-11-15',
    'Filter.1.Name': 'network-interface-id',
  });
  for (const [index, id] of ids.entries()) parameters.set(`Filter.1.Value.${index + 1}`, id);
  return parameters;
}

/**
 * The answer of DescribeRouteTables, corrected. moto shows every route through an interface as active, without its
 * instance, and a local route that leads to an interface as still local. EC2 names the instance and its owner, and
 * shows a blackhole if the interface is attached to nothing.
 *
 * @param interfaces the answer of DescribeNetworkInterfaces
 */
export function withAttachments(body: string, interfaces: string): string {
  const attachments = attachmentsIn(interfaces);
  return body.replaceAll(throughInterface, (route, id: string) => {
    const retargeted = route.replace('<gatewayId>local</gatewayId>', '');
    const attachment = attachments.get(id);
    if (!attachment) return retargeted.replace('<state>active<', '<state>blackhole<');
    const { instanceId, instanceOwnerId } = attachment;
    const instance = instanceId === undefined ? '' : `<instanceId>${instanceId}</instanceId>`;
    return retargeted.replace(
      '<networkInterfaceId>',
      `${instance}<instanceOwnerId>${instanceOwnerId}</instanceOwnerId><networkInterfaceId>`,
    );
  });
}

const list = <T extends z.ZodType>(item: T) =>
  z
    .union([z.object({ item: z.array(item) }).transform((found) => found.item), z.literal('').transform(() => [])])
    .optional()
    .default([]);

const described = z.object({
  DescribeNetworkInterfacesResponse: z.object({
    networkInterfaceSet: list(
      z.object({
        networkInterfaceId: z.string(),
        attachment: z.object({ instanceId: z.string(), instanceOwnerId: z.string() }).optional(),
        tagSet: list(z.object({ key: z.string(), value: z.string() })),
      }),
    ),
  }),
});

function attachmentsIn(body: string): ReadonlyMap<string, Attachment> {
  const parser = new XMLParser({ parseTagValue: false, isArray: (name) => name === 'item' });
  const { networkInterfaceSet } = described.parse(parser.parse(body)).DescribeNetworkInterfacesResponse;
  return new Map(
    networkInterfaceSet.flatMap(({ networkInterfaceId, attachment, tagSet }): [string, Attachment][] => {
      const owner = tagSet.find(({ key }) => key === attachedByTag)?.value;
      const shown = attachment ?? (owner === undefined ? undefined : { instanceOwnerId: owner });
      return shown ? [[networkInterfaceId, shown]] : [];
    }),
  );
}
