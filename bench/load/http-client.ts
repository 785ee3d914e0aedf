/** Requests over connections that stay open, with little work for each: the load must cost less than the server. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface Call {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface HttpClient {
  send(call: Call): Promise<Reply>;
  close(): void;
}

/** Milliseconds after which an answer counts as lost. */
const PATIENCE = 20_000;

/** `origin` is `http://127.0.0.1:<port>`. */
export function createHttpClient(origin: string, connections: number): HttpClient {
  const { hostname, port } = new URL(origin);
  const agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: 'fifo' });
  const send = ({ method = 'GET', path, headers = {}, body = '' }: Call): Promise<Reply> => {
    const length = body ? { 'content-length': String(Buffer.byteLength(body)) } : {};
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const all = { ...headers, ...length };
    const sent = request({ agent, hostname, port, method, path, headers: all, timeout: PATIENCE });
    sent.on('timeout', () => sent.destroy(new Error(`${path}: no answer`)));
    sent.on('error', reject);
    sent.on('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
      });
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
      );
    });
    sent.end(body);
    return promise;
  };
  return { send, close: () => agent.destroy() };
}

/** Throws with the answer when it is not as expected. */
export function expectStatus(reply: Reply, status: number): Reply {
  if (reply.status === status) return reply;
  throw new Error(`${reply.status} instead of ${status}: ${reply.text.slice(0, 300)}`);
}

/** `name=value` of each cookie that an answer sets. */
export const cookiesOf = ({ headers }: Reply): Map<string, string> =>
  new Map(
    (headers['set-cookie'] ?? []).map((cookie) => {
      const [pair = ''] = cookie.split(';');
      const at = pair.indexOf('=');
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
