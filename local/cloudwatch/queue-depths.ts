import { GetQueueAttributesCommand, QueueDoesNotExist, type SQSClient, paginateListQueues } from '@aws-sdk/client-sqs';
import pMap from 'p-map';
import type { Measurement } from './measurement.ts';

/** The SQS attribute behind each metric name. */
const attributes = {
  ApproximateNumberOfMessagesVisible: 'ApproximateNumberOfMessages',
  ApproximateNumberOfMessagesNotVisible: 'ApproximateNumberOfMessagesNotVisible',
  ApproximateNumberOfMessagesDelayed: 'ApproximateNumberOfMessagesDelayed',
} as const;

/** How many messages each queue holds now, as the metrics that SQS publishes on AWS. */
export async function queueDepths(sqs: SQSClient, time: Date): Promise<readonly Measurement[]> {
  const urls: string[] = [];
  for await (const { QueueUrls = [] } of paginateListQueues({ client: sqs }, {})) urls.push(...QueueUrls);
  const depths = await pMap(urls, (url) => depthsOf(sqs, url, time), { concurrency: 4 });
  return depths.flat();
}

async function depthsOf(sqs: SQSClient, QueueUrl: string, time: Date): Promise<readonly Measurement[]> {
  const answer = await sqs
    .send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: Object.values(attributes) }))
    .catch((error: unknown) => {
      if (error instanceof QueueDoesNotExist) return undefined;
      throw error;
    });
  // The queue was deleted in the meantime.
  if (!answer) return [];
  return Object.entries(attributes).map(([name, attribute]) => ({
    namespace: 'AWS/SQS',
    name,
    dimensions: { QueueName: QueueUrl.split('/').at(-1) ?? '' },
    values: [Number(answer.Attributes?.[attribute] ?? 0)],
    unit: 'Count',
    time,
  }));
}
