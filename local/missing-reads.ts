/** An answer of EC2. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Sends one call to moto, with these parameters. */
type Send = (parameters: URLSearchParams) => Promise<Answer>;

/** How to answer a read that moto cannot answer by itself. */
type Read = (parameters: URLSearchParams, send: Send) => Promise<Answer>;

/**
 * The reads that moto lacks, in whole or in part:
 * - VPC endpoints cannot be filtered by id. They can be asked for by id, but one unknown id then fails the call.
 * - Route tables cannot be filtered by the state of their routes. The filter is left out here (`inRouteStates`).
 * - Local gateways do not exist, so no route table of theirs is associated with any VPC.
 */
const reads: Readonly<Record<string, Read>> = {
  DescribeVpcEndpoints: async (parameters, send) => {
    const ids = valuesOf(parameters, 'vpc-endpoint-id');
    if (!ids) return send(parameters);
    const found = await Promise.all(
      ids.map((id) => send(new URLSearchParams({ ...commonOf(parameters), 'VpcEndpointId.1': id }))),
    );
    const failed = found.find(({ status, body }) => status >= 400 && !body.includes('NotFound'));
    return failed ?? answer('DescribeVpcEndpoints', 'vpcEndpointSet', found.map(({ body }) => itemsIn(body)).join(''));
  },
  DescribeRouteTables: (parameters, send) => send(without(parameters, 'route.state')),
  DescribeLocalGatewayRouteTableVpcAssociations: async () =>
    answer('DescribeLocalGatewayRouteTableVpcAssociations', 'localGatewayRouteTableVpcAssociationSet', ''),
};

/** Answers a read in place of moto. Undefined if moto can answer it. */
export function missingRead(action: string, parameters: URLSearchParams, send: Send): Promise<Answer> | undefined {
  return reads[action]?.(parameters, send);
}

const commonOf = (parameters: URLSearchParams): Record<string, string> => ({
  Action: parameters.get('Action') ?? '',
  Version: parameters.get('Version') ?? '',
});

/** The values of a filter, if the call has it. */
export function valuesOf(parameters: URLSearchParams, name: string): readonly string[] | undefined {
  const number = filterOf(parameters, name);
  if (number === undefined) return undefined;
  return [...parameters].filter(([key]) => key.startsWith(`Filter.${number}.Value.`)).map(([, value]) => value);
}

/** The number of a filter, if the call has it. */
function filterOf(parameters: URLSearchParams, name: string): number | undefined {
  const key = [...parameters].find(([key, value]) => /^Filter\.\d+\.Name$/.test(key) && value === name)?.[0];
  return key === undefined ? undefined : Number(key.split('.')[1]);
}

/** The parameters without a filter. moto reads filters up to the first number that is absent. */
function without(parameters: URLSearchParams, name: string): URLSearchParams {
  const number = filterOf(parameters, name);
  if (number === undefined) return parameters;
  const left = [...parameters].filter(([key]) => !key.startsWith(`Filter.${number}.`));
  const moved = (key: string): string =>
    key.replace(/^Filter\.(\d+)/, (same, other) => (Number(other) > number ? `Filter.${Number(other) - 1}` : same));
  return new URLSearchParams(left.map(([key, value]): [string, string] => [moved(key), value]));
}

const itemsIn = (body: string): string => /<vpcEndpointSet>(.*)<\/vpcEndpointSet>/s.exec(body)?.[1] ?? '';

const answer = (action: string, set: string, items: string): Answer => ({
  status: 200,
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<${action}Response><requestId>relay</requestId><${set}>${items}</${set}></${action}Response>`,
});
