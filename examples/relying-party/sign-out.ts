/** Two ways to end a session: the person asks here, or the authorization server says so. */
import type { Router } from '@koa/router';
import { type LogoutToken, LogoutTokenRejected } from './logout-token.ts';
import type { OpenId } from './openid.ts';
import { messagePage } from './pages.ts';
import { checkCsrf, readForm, type SessionCookie, seeOther, sendPage } from './request.ts';
import type { Sessions } from './sessions.ts';

interface Dependencies {
  readonly openId: Pick<OpenId, 'signOutUrl'>;
  readonly sessions: Sessions;
  readonly cookie: SessionCookie;
  readonly verifyLogoutToken: (token: string) => Promise<LogoutToken>;
}

export function addSignOut(router: Router, dependencies: Dependencies): void {
  const { openId, sessions, cookie, verifyLogoutToken } = dependencies;

  router.post('/sign-out', async (ctx) => {
    const session = cookie.session(ctx);
    if (!session?.user) return seeOther(ctx, '/');
    await checkCsrf(ctx, session);
    // First here: whatever happens over there, this application has signed out.
    sessions.end(session.id);
    cookie.set(ctx, undefined);
    seeOther(ctx, (await openId.signOutUrl(session.user)).href);
  });

  router.get('/signed-out', (ctx) => {
    sendPage(ctx, 'Signed out', messagePage('You have signed out of this application.'));
  });

  // OIDC Back-Channel Logout 1.0 §2.5: called by the authorization server; the token is the proof.
  router.post('/backchannel-logout', async (ctx) => {
    try {
      const token = (await readForm(ctx)).get('logout_token') ?? '';
      sessions.endMeant(await verifyLogoutToken(token));
      ctx.status = 200;
      ctx.body = '';
    } catch (error) {
      if (!(error instanceof LogoutTokenRejected)) throw error;
      ctx.status = 400;
      ctx.body = { error: 'invalid_request', error_description: error.message };
    }
  });
}
