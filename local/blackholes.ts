/** Calls by which a target goes, and by which it comes back, with the parameter that names it. */
const ends: Readonly<Record<string, string>> = {
  DeleteNatGateway: 'NatGatewayId',
  DeleteVpcPeeringConnection: 'VpcPeeringConnectionId',
  DeleteNetworkInterface: 'NetworkInterfaceId',
  DeleteEgressOnlyInternetGateway: 'EgressOnlyInternetGatewayId',
  DetachInternetGateway: 'InternetGatewayId',
};
const returns: Readonly<Record<string, string>> = { AttachInternetGateway: 'InternetGatewayId' };

/** A route in the answer of DescribeRouteTables; nothing in it is a list. */
const activeRoute = /<item>(?:(?!<\/?item>).)*?<state>active<\/state>(?:(?!<\/?item>).)*<\/item>/gs;

/** moto goes on calling a route active whose target is gone. EC2 calls it a blackhole, and so do the answers made here. */
export class Blackholes {
  readonly #gone = new Set<string>();

  /** Notes what a call that was carried out did to a target. */
  heard(action: string, parameters: URLSearchParams): void {
    const gone = parameters.get(ends[action] ?? '');
    const back = parameters.get(returns[action] ?? '');
    if (gone !== null) this.#gone.add(gone);
    if (back !== null) this.#gone.delete(back);
  }

  /** The answer of DescribeRouteTables as EC2 gives it. */
  shownIn(body: string): string {
    if (this.#gone.size === 0) return body;
    const leadsNowhere = (route: string): boolean => [...this.#gone].some((id) => route.includes(`>${id}<`));
    return body.replaceAll(activeRoute, (route) =>
      leadsNowhere(route) ? route.replace('<state>active<', '<state>blackhole<') : route,
    );
  }
}
