import type { Answer } from './missing-reads.ts';

/** How to find out whether something exists that a route names, and EC2's error code if it does not. */
interface Named {
  /** The call that lists all of its kind. Absent where moto knows none of them. */
  readonly list?: string;
  /** The element of the answer that holds the id. */
  readonly element?: string;
  readonly code: string;
}

/** What a route can name, by the prefix of its id. */
const kinds: Readonly<Record<string, Named>> = {
  igw: { list: 'DescribeInternetGateways', element: 'internetGatewayId', code: 'InvalidGatewayID.NotFound' },
  vgw: { list: 'DescribeVpnGateways', element: 'vpnGatewayId', code: 'InvalidGatewayID.NotFound' },
  nat: { list: 'DescribeNatGateways', element: 'natGatewayId', code: 'InvalidNatGatewayID.NotFound' },
  tgw: { list: 'DescribeTransitGateways', element: 'transitGatewayId', code: 'InvalidTransitGatewayID.NotFound' },
  pcx: {
    list: 'DescribeVpcPeeringConnections',
    element: 'vpcPeeringConnectionId',
    code: 'InvalidVpcPeeringConnectionID.NotFound',
  },
  eni: { list: 'DescribeNetworkInterfaces', element: 'networkInterfaceId', code: 'InvalidNetworkInterfaceID.NotFound' },
  i: { list: 'DescribeInstances', element: 'instanceId', code: 'InvalidInstanceID.NotFound' },
  eigw: {
    list: 'DescribeEgressOnlyInternetGateways',
    element: 'egressOnlyInternetGatewayId',
    code: 'InvalidEgressOnlyInternetGatewayId.NotFound',
  },
  cagw: { list: 'DescribeCarrierGateways', element: 'carrierGatewayId', code: 'InvalidCarrierGatewayID.NotFound' },
  vpce: { list: 'DescribeVpcEndpoints', element: 'vpcEndpointId', code: 'InvalidVpcEndpointId.NotFound' },
  pl: { list: 'DescribeManagedPrefixLists', element: 'prefixListId', code: 'InvalidPrefixListID.NotFound' },
  lgw: { code: 'InvalidLocalGatewayID.NotFound' },
  'core-network': { code: 'InvalidCoreNetworkArn.NotFound' },
  'odb-network': { code: 'InvalidOdbNetworkArn.NotFound' },
  local: { code: 'InvalidGatewayID.NotFound' },
};

/** The parameters of a route call that name a target or a prefix list. */
const naming = /^(?!RouteTableId).*(Id|Arn)$/;

/** An item whose state is this has left no target behind. */
const isGone = /<(state|code)>(deleted|deleting)<\/\1>/;

/**
 * The first thing that a route call names and that does not exist, with EC2's error code. moto accepts such a call and
 * stores a route without a target.
 *
 * @param list sends one Describe call, with its action as the only parameter
 */
export async function missingTarget(
  action: string,
  parameters: URLSearchParams,
  list: (action: string) => Promise<Answer>,
): Promise<{ readonly code: string; readonly message: string } | undefined> {
  if (action !== 'CreateRoute' && action !== 'ReplaceRoute') return undefined;
  const ids = [...parameters].filter(([name]) => naming.test(name)).map(([, id]) => id);
  for (const id of ids) {
    const kind = kinds[kindOf(id)];
    if (kind && !(await exists(id, kind, list))) return { code: kind.code, message: `The ID '${id}' does not exist` };
  }
  return undefined;
}

/** `nat` for `nat-0123…`; for an ARN, the type of its resource. */
const kindOf = (id: string): string => /^(?:arn:.*:)?(core-network|odb-network|[a-z]+)/.exec(id)?.[1] ?? id;

async function exists(
  id: string,
  { list: action, element }: Named,
  list: (action: string) => Promise<Answer>,
): Promise<boolean> {
  if (action === undefined) return false;
  const { status, body } = await list(action);
  // A failed read proves nothing: moto decides.
  if (status >= 400) return true;
  const at = body.indexOf(`<${element}>${id}</${element}>`);
  return at >= 0 && !isGone.test(itemAround(body, at));
}

/** The item of a list that contains this position: up to the next item of the same list. */
function itemAround(body: string, at: number): string {
  const start = body.lastIndexOf('<item>', at);
  let depth = 0;
  for (const { 0: tag, index } of body.slice(start).matchAll(/<\/?item>/g)) {
    depth += tag === '<item>' ? 1 : -1;
    if (depth === 0) return body.slice(start, start + index);
  }
  return body.slice(start);
}
