/** Sends a generated request as it is: over a kept connection, or as bytes on a socket. */
import { Agent, request } from 'node:http';
import { rawRequest } from '../attacks/raw-request.ts';
import type { TestApp } from '../support/test-app.ts';
import type { Actor, Cast } from './cast.ts';
import type { FuzzRequest } from './fuzz-requests.ts';

/** Milliseconds after which an answer is missing. */
const PATIENCE = 30_000;

export type Send = (request: FuzzRequest) => Promise<number>;

type Headers = Record<string, string>;

const credentials = ({ by, actor, path }: FuzzRequest, who: Actor): Headers => {
  if (actor === 'nobody') return {};
  if (by === 'bearer' && /^\/oidc\/(?!userinfo)/.test(path)) {
    return { authorization: 'Basic {{basic}}' };
  }
  if (by === 'bearer' && path !== '/auth/refresh') return { authorization: `Bearer ${who.access}` };
  return { cookie: who.cookie, 'sec-fetch-site': 'same-origin' };
};

/** More than the 16 KB that Node reads of a request's head. */
const isTooLarge = (path: string, headers: Headers): boolean =>
  path.length + Object.entries(headers).flat().join('').length > 15_000;

const lengthOf = (body: string | Uint8Array | undefined): Headers =>
  body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };

/** What ends the session or the password of whoever calls it. */
const ENDING =
  /^(post \/auth\/(logout|refresh)|put \/auth\/password|delete \/(auth|users)\/|delete \/auth\/me)/;

/** Whether the actor, as itself, can do nothing more. */
function hasEnded({ actor, method, path, headers }: FuzzRequest, status: number): boolean {
  if (actor === 'nobody' || headers['authorization'] || headers['cookie']) return false;
  return status === 401 || (status < 300 && ENDING.test(`${method} ${path}`));
}

/** Resolves with the status; rejects when there is no answer. */
export function createSend(app: TestApp, cast: Cast): { send: Send; close(): void } {
  // Gives an idle connection up long before the server does, so that none is closed just as a request goes along it.
  const agent = new Agent({ keepAlive: true, maxSockets: 64, timeout: PATIENCE });
  const { hostname, port } = new URL(app.socket);
  const base = new URL(app.issuer).pathname.replace(/\/$/, '');

  const overSocket = async (
    line: string,
    head: string,
    headers: Headers,
    body: string | Uint8Array,
  ) => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const length = `Content-Length: ${Buffer.byteLength(body)}`;
    const answer = await rawRequest(app, [head, 'Host: x', ...lines, length, line], body);
    return answer.status;
  };

  const overAgent = (
    method: string,
    path: string,
    headers: Headers,
    body: string | Uint8Array | undefined,
  ): Promise<number> =>
    new Promise<number>((resolve, reject) => {
      const sent = request(
        { agent, hostname, port, method, path, headers, timeout: PATIENCE },
        (answer) => {
          answer.resume();
          answer.on('end', () => resolve(answer.statusCode ?? 0));
          answer.on('error', reject);
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${PATIENCE} ms`)));
      // Node hangs up on a head that is too large; its 431 may be lost with the connection.
      sent.on('error', (error: NodeJS.ErrnoException) => {
        if (isTooLarge(path, headers)) return resolve(431);
        reject(error);
      });
      sent.end(body);
    });

  const send: Send = async (wanted) => {
    const who = await cast.actor(wanted.actor === 'nobody' ? 'user' : wanted.actor);
    const method = wanted.method.toUpperCase();
    const query = wanted.query && `?${cast.fill(wanted.query, who)}`;
    const path = `${base}${cast.fill(wanted.path, who)}${query}`;
    const body = typeof wanted.body === 'string' ? cast.fill(wanted.body, who) : wanted.body;
    const given = { ...credentials(wanted, who), ...wanted.headers };
    const headers = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, cast.fill(value, who)]),
    );
    const status =
      wanted.line === undefined
        ? await overAgent(method, path, { ...headers, ...lengthOf(body) }, body)
        : await overSocket(wanted.line, `${method} ${path} HTTP/1.1`, headers, body ?? '');
    if (hasEnded(wanted, status)) cast.leaves(wanted.actor, who);
    return status;
  };
  return { send, close: () => agent.destroy() };
}
