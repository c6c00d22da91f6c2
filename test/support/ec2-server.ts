import { type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What the server does with a request: it answers, breaks the connection, or never answers. */
export type Reply = { readonly status: number; readonly body: string } | 'broken' | 'silent';

/** An EC2 endpoint that gives the replies of a test in order, and repeats the last one. */
export interface Ec2Server extends AsyncDisposable {
  readonly endpoint: string;
  /** The parameters of every request, in order of arrival. */
  readonly requests: readonly URLSearchParams[];
}

export const refusal = (code: string, status: number): Reply => ({
  status,
  body: `<Response><Errors><Error><Code>${code}</Code><Message>${code}, says EC2</Message></Error></Errors><RequestID>1</RequestID></Response>`,
});

/** The answer to a call that only succeeds. */
export const done: Reply = { status: 200, body: '<Response><requestId>1</requestId><return>true</return></Response>' };

/** The answer of STS to `GetCallerIdentity`. */
export const identity: Reply = {
  status: 200,
  body: '<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/alice</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>',
};

/** One page of DescribeRouteTables, of tables with these ids and owners. */
export const page = (
  tables: readonly (string | readonly [id: string, ownerId: string])[],
  nextToken?: string,
): Reply => ({
  status: 200,
  body: [
    '<DescribeRouteTablesResponse><requestId>1</requestId><routeTableSet>',
    ...tables.map((table) => {
      const [id, ownerId] = typeof table === 'string' ? [table] : table;
      const owner = ownerId === undefined ? '' : `<ownerId>${ownerId}</ownerId>`;
      return `<item><routeTableId>${id}</routeTableId>${owner}<routeSet/></item>`;
    }),
    '</routeTableSet>',
    nextToken === undefined ? '' : `<nextToken>${nextToken}</nextToken>`,
    '</DescribeRouteTablesResponse>',
  ].join(''),
});

/** What is said next, or what to do first to find out. */
type Next = Reply | (() => Reply);

export async function serveEc2(...replies: readonly [Next, ...Next[]]): Promise<Ec2Server> {
  const requests: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    text(request)
      .then((body) => {
        requests.push(new URLSearchParams(body));
        const index = Math.min(requests.length, replies.length) - 1;
        return give(replies[index] ?? replies[0], response);
      })
      .catch(() => response.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    endpoint: `http://127.0.0.1:${portOf(server.address())}`,
    requests,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function give(next: Next, response: ServerResponse): void {
  const reply = typeof next === 'function' ? next() : next;
  if (reply === 'broken') response.destroy();
  else if (reply !== 'silent') response.writeHead(reply.status, { 'content-type': 'text/xml' }).end(reply.body);
}

function portOf(address: AddressInfo | string | null): number {
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return address.port;
}
