/** Whether a node does everything it is there for. */
import type { Answer } from '../../support/browser.ts';
import { refreshAt, tokensOf } from '../../support/cookie-api.ts';
import { PASSWORD } from '../../support/people.ts';
import { codeOf } from '../../support/relying-party.ts';
import type { Recorder, Reply } from './history.ts';
import { replyOf } from './replies.ts';
import type { Cast, Member } from './stage.ts';

/** A sign-in, a refresh, a code, its tokens and their refresh, and `/health/ready`. */
export async function probe(recorder: Recorder, cast: Cast, member: Member): Promise<boolean> {
  const plan = { kind: 'probe', node: member.name };
  const { outcome } = await recorder.record(
    plan,
    () => useEverything(cast, member),
    (reply) => reply,
  );
  return outcome === 'ok';
}

/** The first answer that was no success, else the last one. Throws when there was none. */
async function useEverything({ rp, holders }: Cast, member: Member): Promise<Reply> {
  const browser = member.browser();
  const json = { email: holders[0].email, password: PASSWORD };
  const login = await browser.request('/auth/login', { json });
  if (login.status !== 200) return failed(login);
  const refreshed = await refreshAt(member, tokensOf(login).refresh);
  if (refreshed.status !== 200) return failed(refreshed);
  const authorized = await rp.authorize(browser, { prompt: 'none' });
  if (!authorized.location?.searchParams.has('code')) return failed(authorized);
  const tokens = await rp.redeem(codeOf(authorized), {}, member);
  if (tokens.status !== 200) return failed(tokens);
  const renewed = await rp.refresh(tokens.body.refresh_token ?? '', {}, member);
  if (renewed.status !== 200) return failed(renewed);
  return replyOf(await browser.request('/health/ready'));
}

/** A refusal is no normal service either. */
const failed = (answer: Pick<Answer, 'status' | 'headers'>): Reply => ({
  status: 503,
  hasRetryAfter: answer.status < 500 || answer.headers.has('retry-after'),
});
