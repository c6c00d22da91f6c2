import {
  EC2Client,
  type EC2ClientConfig,
  type Filter,
  paginateDescribeNatGateways,
  paginateDescribeRouteTables,
  paginateDescribeTags,
} from '@aws-sdk/client-ec2';
import type { ActualTable } from '../../core/route/route.ts';
import { batches } from './batches.ts';
import { actualTable } from './route-codec.ts';

/** EC2 returns at most 100 tables per page (EC2 API Reference). */
const tablesPerPage = 100;

/** Which route tables to find. Each condition that is given must hold; without conditions, every table is found. */
export interface Search {
  readonly ids?: readonly string[];
  readonly vpcIds?: readonly string[];
  readonly tags?: readonly { readonly key: string; readonly value: string }[];
}

/** Finds route tables in an account, and the names of what their routes lead to. Reads only, and throws what EC2 answers. */
export interface TableSearch {
  /** The tables that EC2 shows, those of other accounts included. */
  tables(search: Search): AsyncIterable<ActualTable>;
  /** The ids of the tables that regional NAT gateways keep for themselves. */
  tablesOfNatGateways(): Promise<ReadonlySet<string>>;
  /** The Name tags of resources, by id. A resource without one is absent. */
  namesOf(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

export function ec2TableSearch(config: EC2ClientConfig = {}): TableSearch {
  const client = new EC2Client({ ...config, retryMode: 'adaptive', maxAttempts: 4 });

  async function* tables({ ids, vpcIds = [], tags = [] }: Search): AsyncGenerator<ActualTable, undefined> {
    const always: Filter[] = [
      ...(vpcIds.length > 0 ? [{ Name: 'vpc-id', Values: [...vpcIds] }] : []),
      ...tags.map(({ key, value }) => ({ Name: `tag:${key}`, Values: [value] })),
    ];
    for (const some of ids ? batches(ids) : [undefined]) {
      const Filters = [...always, ...(some ? [{ Name: 'route-table-id', Values: [...some] }] : [])];
      const pages = paginateDescribeRouteTables({ client, pageSize: tablesPerPage }, { Filters });
      for await (const { RouteTables } of pages) {
        if (!RouteTables) throw new TypeError('EC2 answered DescribeRouteTables without RouteTables');
        yield* RouteTables.map(actualTable);
      }
    }
    return undefined;
  }

  async function tablesOfNatGateways(): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for await (const { NatGateways = [] } of paginateDescribeNatGateways({ client }, {}))
      for (const { RouteTableId } of NatGateways) if (RouteTableId !== undefined) found.add(RouteTableId);
    return found;
  }

  async function namesOf(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const names = new Map<string, string>();
    for (const some of batches(ids)) {
      const Filters = [
        { Name: 'resource-id', Values: [...some] },
        { Name: 'key', Values: ['Name'] },
      ];
      for await (const { Tags = [] } of paginateDescribeTags({ client }, { Filters }))
        for (const { ResourceId = '', Value = '' } of Tags) if (Value !== '') names.set(ResourceId, Value);
    }
    return names;
  }

  return { tables, tablesOfNatGateways, namesOf };
}
