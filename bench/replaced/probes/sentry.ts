/** What `Sentry.init({ dsn })` of @sentry/node changes in a process, and what a report of it holds. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { load } from './load.ts';

interface Sentry {
  init(options: object): void;
  captureException(error: unknown): void;
  flush(milliseconds: number): Promise<boolean>;
  getClient(): { getOptions(): { readonly integrations: readonly { readonly name: string }[] } };
}

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

async function listen(answer: Answer): Promise<string> {
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const reports: string[] = [];
const sink = await listen(async (request, response) => {
  reports.push(await text(request));
  response.end('{}');
});

const listeners = (): Map<string | symbol, number> =>
  new Map(process.eventNames().map((name) => [name, process.listenerCount(name)]));
const before = listeners();
const consoles = { ...console };
const sentry = load<Sentry>('sentry-node', '@sentry/node');
sentry.init({ dsn: `http://key@${sink}/1` });

const more = [...listeners()].filter(([name, count]) => count > (before.get(name) ?? 0));
console.log(`listeners on process: ${more.map(([name]) => String(name)).join(', ')}`);
const patched = Object.entries(consoles).filter(([name, own]) => console[name as 'log'] !== own);
console.log(`methods of console that are replaced: ${patched.map(([name]) => name).join(', ')}`);
const { integrations } = sentry.getClient().getOptions();
console.log(
  `${integrations.length} integrations switched on: ${integrations.map(({ name }) => name).join(', ')}`,
);

/** What must never leave with a report, random so that no line of this file holds it. */
const sent = Object.fromEntries(
  ['query', 'body', 'cookie', 'authorization', 'message', 'address'].map((place) => [
    place,
    randomUUID(),
  ]),
);
const app = await listen(async (request, response) => {
  await text(request);
  sentry.captureException(new Error(`no such account: ${sent['message']}`));
  response.end();
});
const answered = await fetch(`http://${app}/oidc/authorize?code=${sent['query']}`, {
  method: 'POST',
  body: new URLSearchParams({ note: sent['body'] ?? '' }),
  headers: {
    cookie: `own=${sent['cookie']}`,
    authorization: `Bearer ${sent['authorization']}`,
    'x-forwarded-for': sent['address'] ?? '',
  },
});
await answered.text();
await sentry.flush(3_000);
const all = reports.join('\n');
const left = Object.entries(sent).filter(([, value]) => all.includes(value));
console.log(
  `of a request under way its report holds: ${left.map(([place]) => place).join(', ') || 'nothing'}`,
);
for (const member of ['server_name', 'breadcrumbs', 'modules', 'device', 'pre_context'])
  console.log(`has ${member}: ${all.includes(`"${member}"`)}`);
process.exit(0);
