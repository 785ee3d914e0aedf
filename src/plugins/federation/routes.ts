import { access, defineRoute, type Principal, type Route } from '../../kernel/route.ts';
import { returnToOf } from './pages.ts';
import { problems, UPSTREAM } from './problems.ts';
import { IdentityList, LinkRequest, LinkStarted, ProviderId, ProviderList } from './schemas.ts';
import type { LinkedIdentity } from './service/identities.ts';
import type { Federation } from './service.ts';

interface Dependencies {
  readonly federation: Federation;
  /** PUBLIC_URL without a trailing slash. */
  readonly publicUrl: string;
  readonly origins: { readonly origin: string; readonly others: readonly string[] };
}

/** `access.user` lets nobody through without a session. */
const callerOf = ({ sub, sid = '' }: Principal) => ({ userId: sub, sid });

const identityBody = (identity: LinkedIdentity) => ({
  provider: identity.provider,
  label: identity.label,
  email: identity.email,
  linked_at: identity.linkedAt.toISOString(),
  last_used_at: identity.lastUsedAt.toISOString(),
  has_tokens: identity.hasTokens,
});

/** `/oauth2`: which providers there are, and the identities of the signed-in user. */
export const createRoutes = ({
  federation,
  publicUrl,
  origins,
}: Dependencies): readonly Route[] => [
  defineRoute({
    method: 'get',
    path: '/oauth2/providers',
    access: access.public,
    summary: 'The providers one can sign in with',
    success: { status: 200, schema: ProviderList },
    problems: [],
    handle: async () => ({
      body: {
        providers: federation.publicOptions().map(({ id, label }) => ({
          id,
          label,
          authorize_url: `${publicUrl}/oauth2/${id}/authorize`,
        })),
      },
    }),
  }),
  defineRoute({
    method: 'get',
    path: '/oauth2/identities',
    access: access.user(),
    summary: 'The accounts of other providers that are connected to this one',
    success: { status: 200, schema: IdentityList },
    problems: [],
    handle: async ({ principal }) => {
      const own = await federation.identities.list(principal.sub);
      return { body: { identities: own.map(identityBody) } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/oauth2/:provider/link',
    access: access.own(access.recent(access.user())),
    summary: 'Begin to connect an account of a provider; the browser goes on at authorization_url',
    params: ProviderId,
    body: LinkRequest,
    success: { status: 200, schema: LinkStarted },
    problems: [problems.unknownProvider, problems.invalidReturnTo, ...UPSTREAM],
    async handle({ principal, params, body, request }) {
      const returnTo = returnToOf(body.return_to, origins);
      const goal = { kind: 'link', ...callerOf(principal), ...returnTo } as const;
      const { redirect, cookies } = await federation.begin(params.provider, goal, request);
      return { body: { authorization_url: redirect }, cookies };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/oauth2/:provider/link',
    access: access.own(access.recent(access.user())),
    summary: 'Disconnect the account of a provider; never the last way to sign in',
    params: ProviderId,
    success: { status: 204 },
    problems: [problems.notLinked, problems.lastWayIn],
    async handle({ principal, params }) {
      await federation.identities.unlink(principal.sub, params.provider);
      return {};
    },
  }),
  defineRoute({
    method: 'post',
    path: '/oauth2/:provider/revoke',
    access: access.own(access.recent(access.user())),
    summary: 'Give the grant back to the provider and forget its tokens',
    params: ProviderId,
    success: { status: 204 },
    problems: [problems.notLinked, problems.nothingToRevoke, ...UPSTREAM],
    async handle({ principal, params }) {
      await federation.identities.revoke(principal.sub, params.provider);
      return {};
    },
  }),
];
