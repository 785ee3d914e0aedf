/** What a server tells at `/metrics` of its stores: which statements it ran, how often, and for how long. */
import { expectStatus, type HttpClient } from '../load/http-client.ts';

export interface StoreCalls {
  readonly count: number;
  readonly seconds: number;
}

const LINE = /^auth_store_seconds_(sum|count)\{([^}]*)\} (\S+)$/gm;

/** By `store operation`, since the start of the server. */
export async function storeCalls(http: HttpClient): Promise<Map<string, StoreCalls>> {
  const { text } = expectStatus(await http.send({ path: '/metrics' }), 200);
  const calls = new Map<string, StoreCalls>();
  for (const [, what, labels = '', number] of text.matchAll(LINE)) {
    const store = /store="([^"]*)"/.exec(labels)?.[1];
    const name = `${store} ${/operation="([^"]*)"/.exec(labels)?.[1]}`;
    const known = calls.get(name) ?? { count: 0, seconds: 0 };
    const value = Number(number);
    calls.set(
      name,
      what === 'sum'
        ? { ...known, seconds: known.seconds + value }
        : { ...known, count: known.count + value },
    );
  }
  return calls;
}

/** What one server called while `work` ran. */
export async function callsDuring(
  http: HttpClient,
  work: () => Promise<void>,
): Promise<Map<string, StoreCalls>> {
  const before = await storeCalls(http);
  await work();
  const after = await storeCalls(http);
  const difference = [...after].map(([name, { count, seconds }]) => {
    const earlier = before.get(name) ?? { count: 0, seconds: 0 };
    return [name, { count: count - earlier.count, seconds: seconds - earlier.seconds }] as const;
  });
  return new Map(difference.filter(([, { count }]) => count > 0));
}
