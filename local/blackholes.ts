/** The calls that remove a target (`ends`) or restore it (`returns`), and the parameter that names the target. */
const ends: Readonly<Record<string, string>> = {
  DeleteNatGateway: 'NatGatewayId',
  DeleteVpcPeeringConnection: 'VpcPeeringConnectionId',
  DeleteEgressOnlyInternetGateway: 'EgressOnlyInternetGatewayId',
  DetachInternetGateway: 'InternetGatewayId',
};
const returns: Readonly<Record<string, string>> = { AttachInternetGateway: 'InternetGatewayId' };

/** An active route in the answer of DescribeRouteTables. A route contains no lists. */
const activeRoute = /<item>(?:(?!<\/?item>).)*?<state>active<\/state>(?:(?!<\/?item>).)*<\/item>/gs;

/**
 * moto keeps a route active when its target is gone. EC2 shows it as a blackhole; this class corrects moto's answers.
 */
export class Blackholes {
  readonly #gone = new Set<string>();

  /** Records what a successful call did to a target. */
  heard(action: string, parameters: URLSearchParams): void {
    const gone = parameters.get(ends[action] ?? '');
    const back = parameters.get(returns[action] ?? '');
    if (gone !== null) this.#gone.add(gone);
    if (back !== null) this.#gone.delete(back);
  }

  /** Records a new state of an instance. */
  instance(instanceId: string, state: string): void {
    if (state === 'running') this.#gone.delete(instanceId);
    else this.#gone.add(instanceId);
  }

  /** The answer of DescribeRouteTables, corrected. */
  shownIn(body: string): string {
    if (this.#gone.size === 0) return body;
    const leadsNowhere = (route: string): boolean => [...this.#gone].some((id) => route.includes(`>${id}<`));
    return body.replaceAll(activeRoute, (route) =>
      leadsNowhere(route) ? route.replace('<state>active<', '<state>blackhole<') : route,
    );
  }
}
