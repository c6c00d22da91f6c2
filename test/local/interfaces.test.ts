import { describe, expect, it } from 'vitest';
import { describeInterfaces, interfacesIn, withAttachments } from '../../local/interfaces.ts';

// Answers of moto, shortened.

const route = (fields: string, origin = 'CreateRoute', state = 'active'): string =>
  `<item><destinationCidrBlock>10.9.0.0/16</destinationCidrBlock>${fields}<origin>${origin}</origin><state>${state}</state></item>`;
const tables = (...routes: readonly string[]): string =>
  `<DescribeRouteTablesResponse><routeTableSet><item><associationSet/><routeTableId>rtb-1</routeTableId><routeSet>${routes.join('')}</routeSet><tagSet/></item></routeTableSet></DescribeRouteTablesResponse>`;
const interfaces = (...items: readonly string[]): string =>
  `<DescribeNetworkInterfacesResponse><networkInterfaceSet>${items.map((item) => `<item>${item}</item>`).join('')}</networkInterfaceSet></DescribeNetworkInterfacesResponse>`;
const eni = '<networkInterfaceId>eni-1</networkInterfaceId>';
const through = tables(route(eni), route('<gatewayId>igw-1</gatewayId>'));

describe('a route through an interface', () => {
  it.each([
    ['attached to nothing', interfaces(`${eni}<tagSet/>`)],
    ['that is gone', '<DescribeNetworkInterfacesResponse><networkInterfaceSet/></DescribeNetworkInterfacesResponse>'],
  ])('%s is a blackhole, and no other route is', (_, described) => {
    expect(withAttachments(through, described)).toBe(
      tables(route(eni, 'CreateRoute', 'blackhole'), route('<gatewayId>igw-1</gatewayId>')),
    );
  });

  it('names the instance and its owner', () => {
    const attachment =
      '<attachment><instanceId>i-1</instanceId><instanceOwnerId>000000000000</instanceOwnerId></attachment>';
    expect(withAttachments(through, interfaces(`${attachment}${eni}<tagSet/>`))).toContain(
      route(`<instanceId>i-1</instanceId><instanceOwnerId>000000000000</instanceOwnerId>${eni}`),
    );
  });

  it('names only the owner if the interface is tagged as attached by an account', () => {
    const tags = '<tagSet><item><key>local:attached-by</key><value>444455556666</value></item></tagSet>';
    expect(withAttachments(through, interfaces(`${eni}${tags}`))).toContain(
      route(`<instanceOwnerId>444455556666</instanceOwnerId>${eni}`),
    );
  });

  it('at the destination of the local route is no longer local', () => {
    const local = tables(route(`<gatewayId>local</gatewayId>${eni}`, 'CreateRouteTable'));
    expect(withAttachments(local, interfaces(`${eni}<tagSet/>`))).toBe(
      tables(route(eni, 'CreateRouteTable', 'blackhole')),
    );
  });
});

it('the interfaces of all tables are described with one call', () => {
  const both = tables(route(eni), route('<networkInterfaceId>eni-2</networkInterfaceId>'), route(eni));
  expect(describeInterfaces(interfacesIn(both)).toString()).toBe(
    'Action=DescribeNetworkInterfaces&Version=2016-11-15&Filter.1.Name=network-interface-id&Filter.1.Value.1=eni-1&Filter.1.Value.2=eni-2',
  );
});
