/** Signs in many times at once: `<url> <count> <password> <e-mail>…`; one JSON line tells how that was answered. */
import { Agent, request } from 'node:http';

export interface StormAnswers {
  /** How many answers had this status; 0: no answer. */
  readonly statuses: Readonly<Record<string, number>>;
  /** How many 503 did not say when to come back. */
  readonly silent: number;
}

interface Reply {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

const [url = '', count = '0', password = '', ...emails] = process.argv.slice(2);
const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });

/** Every other one with a wrong password. */
const signIn = (index: number): Promise<Reply> =>
  new Promise((resolve) => {
    const headers = { 'content-type': 'application/json' };
    const call = request(`${url}/auth/login`, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.once('close', () =>
        resolve({
          status: response.statusCode ?? 0,
          retryAfter: response.headers['retry-after'],
        }),
      );
    });
    call.once('error', () => resolve({ status: 0, retryAfter: undefined }));
    const email = emails[index % emails.length];
    call.end(JSON.stringify({ email, password: index % 2 ? `${password}?` : password }));
  });

const replies = await Promise.all(
  Array.from({ length: Number(count) }, (_, index) => signIn(index)),
);
const byStatus = Map.groupBy(replies, ({ status }) => status);
const answers: StormAnswers = {
  statuses: Object.fromEntries([...byStatus].map(([status, those]) => [status, those.length])),
  silent: replies.filter(({ status, retryAfter }) => status === 503 && !retryAfter).length,
};
process.stdout.write(`${JSON.stringify(answers)}\n`);
