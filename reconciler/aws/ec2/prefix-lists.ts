import { EC2Client, type EC2ClientConfig, paginateGetManagedPrefixListEntries } from '@aws-sdk/client-ec2';
import pMap from 'p-map';
import { type Cidr, parseCidr } from '../../core/route/cidr.ts';

/** The entries of prefix lists that could be read, by id, and why the others could not. */
export interface ReadPrefixLists {
  readonly entries: ReadonlyMap<string, readonly Cidr[]>;
  readonly failures: ReadonlyMap<string, unknown>;
}

/** Prefix lists read at once: there is one call for each list and 100 entries. */
const listsAtOnce = 4;

/** Reads prefix lists of every owner: ours, shared ones, and those of AWS. A list that cannot be read fails no other. */
export function ec2PrefixLists(config: EC2ClientConfig = {}): (ids: readonly string[]) => Promise<ReadPrefixLists> {
  const client = new EC2Client({ ...config, retryMode: 'adaptive', maxAttempts: 4 });

  async function entriesOf(id: string): Promise<readonly Cidr[]> {
    const blocks: Cidr[] = [];
    for await (const { Entries } of paginateGetManagedPrefixListEntries({ client }, { PrefixListId: id })) {
      if (!Entries) throw new TypeError('EC2 answered GetManagedPrefixListEntries without Entries');
      for (const { Cidr = '' } of Entries) {
        const parsed = parseCidr(Cidr);
        if (!parsed.ok) throw new TypeError(`EC2 answered with the entry "${Cidr}": expected ${parsed.expected}`);
        blocks.push(parsed.block);
      }
    }
    return blocks;
  }

  return async (ids) => {
    const entries = new Map<string, readonly Cidr[]>();
    const failures = new Map<string, unknown>();
    await pMap(
      ids,
      async (id) => {
        try {
          entries.set(id, await entriesOf(id));
        } catch (error) {
          failures.set(id, error);
        }
      },
      { concurrency: listsAtOnce },
    );
    return { entries, failures };
  };
}
