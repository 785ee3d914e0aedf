/** The pages of a signed-in person. */
import type { Router } from '@koa/router';
import type { Context } from 'koa';
import * as client from 'openid-client';
import { callApi } from './call-api.ts';
import type { OpenId } from './openid.ts';
import { apiPage, homePage, profilePage } from './pages.ts';
import { checkCsrf, type SessionCookie, seeOther, sendPage } from './request.ts';
import type { Session, SignedIn } from './sessions.ts';
import type { Settings } from './settings.ts';

interface Dependencies {
  readonly settings: Settings;
  readonly openId: OpenId;
  readonly cookie: SessionCookie;
}

export function addAccount(router: Router, { settings, openId, cookie }: Dependencies): void {
  /** Sends everybody else to the front page. */
  const signedIn =
    (handle: (ctx: Context, session: Session, user: SignedIn) => Promise<void>) =>
    async (ctx: Context): Promise<void> => {
      const session = cookie.session(ctx);
      if (!session?.user) return seeOther(ctx, '/');
      await handle(ctx, session, session.user);
    };

  router.get('/', (ctx) => {
    const session = cookie.session(ctx);
    sendPage(ctx, 'Home', homePage(session?.user), session);
  });

  router.get(
    '/profile',
    signedIn(async (ctx, session, user) => {
      const userinfo = await openId.userinfo(user).catch(explainRefusal);
      sendPage(ctx, 'Profile', profilePage(session, user, userinfo), session);
    }),
  );

  router.get(
    '/call-api',
    signedIn(async (ctx, session, user) => {
      const answers = await callApi(settings.apiUrl, user.accessToken);
      sendPage(ctx, 'Call the API', apiPage(answers), session);
    }),
  );

  router.post(
    '/refresh',
    signedIn(async (ctx, session) => {
      await checkCsrf(ctx, session);
      // Two tabs share one refresh: the token of before works only once.
      session.refreshing ??= refresh(session, openId).finally(() => delete session.refreshing);
      await session.refreshing;
      seeOther(ctx, session.user ? '/profile' : '/');
    }),
  );
}

/** A session that the server has ended ends here too. */
async function refresh(session: Session, openId: OpenId): Promise<void> {
  if (!session.user) return;
  try {
    session.user = await openId.refresh(session.user);
  } catch (error) {
    if (!(error instanceof client.ResponseBodyError && error.error === 'invalid_grant'))
      throw error;
    delete session.user;
  }
}

function explainRefusal(error: unknown): string {
  if (!(error instanceof client.WWWAuthenticateChallengeError)) throw error;
  return `The server refuses the access token (${error.status}): refresh, or sign in again.`;
}
