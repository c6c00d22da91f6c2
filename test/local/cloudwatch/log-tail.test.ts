import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LineCounter, logTail } from '../../../local/cloudwatch/log-tail.ts';

const start = Date.parse('2026-11-24T12:00:00Z');
const event = (seconds: number, message: string, logStreamName = 'a') => ({
  timestamp: start + seconds * 1_000,
  message,
  logStreamName,
});

describe('a line counter', () => {
  it('counts every line once, however often it is read', () => {
    const counter = new LineCounter(start);
    const first = [event(1, 'one'), event(2, 'two')];
    expect(counter.unseen(first)).toEqual(['one', 'two']);
    expect(counter.unseen([...first, event(3, 'three')])).toEqual(['three']);
    expect(counter.unseen([...first, event(3, 'three')])).toEqual([]);
  });

  it('counts equal lines as often as they were written', () => {
    const counter = new LineCounter(start);
    expect(counter.unseen([event(1, 'same'), event(1, 'same')])).toEqual(['same', 'same']);
    expect(counter.unseen([event(1, 'same'), event(1, 'same'), event(1, 'same')])).toEqual(['same']);
    expect(counter.unseen([event(1, 'same', 'b')])).toEqual(['same']);
  });

  it('counts a line that arrives after a line with a later timestamp', () => {
    const counter = new LineCounter(start);
    counter.unseen([event(10, 'later')]);
    expect(counter.unseen([event(8, 'earlier'), event(10, 'later')])).toEqual(['earlier']);
  });

  it('continues 15 s before the newest line, but never before its start', () => {
    const counter = new LineCounter(start);
    counter.unseen([event(5, 'early')]);
    expect(counter.from).toBe(start);
    counter.unseen([event(100, 'late')]);
    expect(counter.from).toBe(start + 85_000);
  });
});

it('a log tail returns the lines of a failed call with the next one', async () => {
  let failing = true;
  const answer = (body: string): object => {
    const { logGroupName } = z.object({ logGroupName: z.string().optional() }).parse(JSON.parse(body));
    if (logGroupName === undefined) return { logGroups: [{ logGroupName: 'one' }, { logGroupName: 'two' }] };
    return { events: [event(1, `line of ${logGroupName}`)] };
  };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    if (failing && body.includes('two')) response.writeHead(400).end('{}');
    else response.end(JSON.stringify(answer(body)));
  };
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = z.object({ port: z.number() }).parse(server.address());
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new CloudWatchLogsClient({ endpoint, region: 'eu-west-1', credentials, maxAttempts: 1 });
  const newLines = logTail(client, '', new Date(start));

  await expect(newLines()).rejects.toThrow();
  failing = false;
  expect(await newLines()).toEqual(['line of one', 'line of two']);
  expect(await newLines()).toEqual([]);
  client.destroy();
  server.close();
});
