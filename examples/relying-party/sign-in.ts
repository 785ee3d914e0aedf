/** The code flow (OIDC Core §3.1): there, and back. */
import type { Router } from '@koa/router';
import type { OpenId } from './openid.ts';
import { type SessionCookie, seeOther } from './request.ts';
import type { PendingSignIn, Session, Sessions } from './sessions.ts';
import type { Settings } from './settings.ts';

interface Dependencies {
  readonly settings: Settings;
  readonly openId: OpenId;
  readonly sessions: Sessions;
  readonly cookie: SessionCookie;
}

/** What a link of ours may ask for; `none` finds out whether somebody is signed in without showing a page. */
const PROMPTS = ['none', 'login', 'consent', 'select_account'];
/** Sign-ins that one browser may have under way. */
const MAX_PENDING = 5;

export function addSignIn(router: Router, dependencies: Dependencies): void {
  const { settings, openId, sessions, cookie } = dependencies;

  router.get('/sign-in', async (ctx) => {
    const asked = PROMPTS.find((prompt) => prompt === ctx.query['prompt']);
    const { url, state, pending } = await openId.beginSignIn(asked);
    const session = cookie.session(ctx) ?? sessions.create();
    remember(session, state, pending);
    cookie.set(ctx, session);
    seeOther(ctx, url.href);
  });

  router.get('/callback', async (ctx) => {
    const before = cookie.session(ctx);
    const state = typeof ctx.query['state'] === 'string' ? ctx.query['state'] : '';
    const pending = before?.pending.get(state);
    if (!before || !pending) {
      return ctx.throw(400, 'This sign-in did not begin in this browser, or was finished before.');
    }
    before.pending.delete(state);
    const answer = new URL(`/callback${ctx.search}`, settings.baseUrl);
    const user = await openId.finishSignIn(answer, state, pending);
    // A new id at each sign-in: whoever knew the old one is not signed in with it.
    sessions.end(before.id);
    const session = sessions.create();
    session.user = user;
    cookie.set(ctx, session);
    seeOther(ctx, '/');
  });
}

function remember({ pending }: Session, state: string, signIn: PendingSignIn): void {
  const [oldest] = pending.keys();
  if (pending.size >= MAX_PENDING && oldest !== undefined) pending.delete(oldest);
  pending.set(state, signIn);
}
