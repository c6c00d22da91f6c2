import { CreateTagsCommand, DeleteTagsCommand, EC2Client, type EC2ClientConfig } from '@aws-sdk/client-ec2';

/** A tag of ours on route tables. It means nothing to anybody. */
const Key = 'route-reconciler-doctor';

export interface TableTag {
  put(routeTableId: string, value: string): Promise<void>;
  remove(routeTableId: string): Promise<void>;
}

/** Puts a tag on a route table and takes it off: calls whose events reach the reconciler and that change no route. */
export function ec2TableTag(config: EC2ClientConfig = {}): TableTag {
  const client = new EC2Client(config);
  return {
    async put(id, Value) {
      await client.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value }] }));
    },
    async remove(id) {
      await client.send(new DeleteTagsCommand({ Resources: [id], Tags: [{ Key }] }));
    },
  };
}
