/** RP-initiated logout (OIDC RP-Initiated Logout 1.0): our pages, and the end of the whole session. */
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { SessionFence } from '../kernel/oidc.ts';
import type { RenderPage } from './render-error.ts';

const POLICY = 'Content-Security-Policy';

interface LogoutState {
  readonly secret: string;
  readonly postLogoutRedirectUri?: string;
}

export interface SignOutDependencies {
  readonly render: RenderPage;
  readonly sessions: SessionFence;
  /** Deletes all our cookies by name (api.md "Cookies"). */
  readonly clearCookies: (ctx: KoaContextWithOIDC) => void;
}

const stateOf = (ctx: KoaContextWithOIDC): LogoutState =>
  ctx.oidc.session?.['state'] as unknown as LogoutState;

/** Asks before anybody is signed out: a link alone must not do it (SEC-63). */
function renderConfirmation(ctx: KoaContextWithOIDC, render: RenderPage): void {
  const client = ctx.oidc.client;
  ctx.type = 'html';
  ctx.status = 200;
  ctx.body = render('sessions/sign-out', {
    title: 'Sign out',
    action: ctx.oidc.urlFor('end_session_confirm'),
    xsrf: stateOf(ctx).secret,
    ...(client ? { client: { name: client.clientName ?? client.clientId } } : {}),
  });
  // The client may lead on from its registered address (`Page.leavesSite`). A page that this one replaces had a script.
  const policy = ctx.response.get(POLICY);
  ctx.set(POLICY, policy.replace(/; ?form-action [^;]*| 'sha256-[^']+'/g, ''));
}

/** The `rpInitiatedLogout` feature's pages. */
export const signOutPages = ({ render }: SignOutDependencies) => ({
  enabled: true,
  logoutSource: async (ctx: KoaContextWithOIDC) => renderConfirmation(ctx, render),
  postLogoutSuccessSource: (ctx: KoaContextWithOIDC) => renderOutcome(ctx, render),
});

/** Says how it ended: whoever chose to stay comes here too, unless the client wants the browser back. */
async function renderOutcome(ctx: KoaContextWithOIDC, render: RenderPage): Promise<void> {
  const { client, provider } = ctx.oidc;
  ctx.type = 'html';
  const { accountId } = await provider.Session.get(ctx);
  ctx.body = accountId
    ? render('sessions/still-signed-in', {})
    : render('sessions/signed-out', {
        title: 'Signed out',
        ...(client ? { client: { name: client.clientName ?? client.clientId } } : {}),
      });
}

/** What oidc-provider leaves to do: the fence, the other cookies, a page without a script. */
export function completeSignOut(provider: Provider, dependencies: SignOutDependencies): void {
  const { render, sessions, clearCookies } = dependencies;
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<void>) => {
    await next();
    const { oidc } = ctx;
    if (oidc?.route === 'end_session' && ctx.status === 200 && !oidc.session?.accountId) {
      renderConfirmation(ctx, render);
    }
    if (oidc?.route === 'end_session_confirm' && ctx.status === 303 && oidc.params?.['logout']) {
      const session = oidc.session;
      if (session?.accountId && session.uid) {
        await sessions.end(session.uid, 'logout', Object.keys(session.authorizations ?? {}));
      }
      clearCookies(ctx);
    }
  });
}
