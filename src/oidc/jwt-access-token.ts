/**
 * Lets userinfo, introspection and revocation take our JWT access tokens, which oidc-provider stores
 * nowhere and refuses by their form. Public means only: the models' static `find`.
 */
import { type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { AccessTokenClaims, AccessTokenVerifier } from './access-token.ts';

const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;
const STRUCTURED_ROUTES = new Set(['introspection', 'revocation']);

type Find = (value: string, options?: object) => Promise<unknown>;

/** A JWT under a name that oidc-provider does not take for one. */
interface Handle {
  readonly id: string;
  readonly claims: AccessTokenClaims | undefined;
}

export function acceptJwtAccessTokens(provider: Provider, verifier: AccessTokenVerifier): void {
  const handles = new WeakMap<object, Handle>();

  const claimsOf = async (value: string): Promise<AccessTokenClaims | undefined> => {
    const handle = Provider.ctx && handles.get(Provider.ctx.req);
    if (handle?.id === value) return handle.claims;
    return JWT.test(value) ? verifier.verify(value) : undefined;
  };

  /** A token of a user hangs on a grant; one of a client itself does not. */
  const override = (name: 'AccessToken' | 'ClientCredentials', ofUser: boolean): void => {
    const model = provider[name] as unknown as { find: Find };
    model.find = async (value) => {
      const claims = await claimsOf(value);
      if (!claims || isBoundOtherwise(claims) || (claims.gid !== undefined) !== ofUser)
        return undefined;
      const token = instantiate(provider, name, claims);
      const route = Provider.ctx?.oidc?.route ?? '';
      // Userinfo refuses a token with any `aud`; ours names the issuer whenever it was granted `openid`.
      return STRUCTURED_ROUTES.has(route) ? Object.assign(token, { aud: claims.aud }) : token;
    };
  };
  override('AccessToken', true);
  override('ClientCredentials', false);

  // Between reading the form and refusing a JWT in it, oidc-provider looks up which client calls.
  const clients = provider.Client as unknown as { find: Find };
  const findClient = clients.find.bind(clients);
  clients.find = async (id, ...rest) => {
    const client = await findClient(id, ...rest);
    if (client && Provider.ctx) await replaceJwt(Provider.ctx, handles, verifier);
    return client;
  };
}

/** Bound to something that no proof here shows: only DPoP is on. */
const isBoundOtherwise = ({ cnf }: AccessTokenClaims): boolean => cnf !== undefined && !cnf.jkt;

function instantiate(
  provider: Provider,
  name: 'AccessToken' | 'ClientCredentials',
  claims: AccessTokenClaims,
): object {
  const { jti, iat, exp, scope, cnf, client_id: clientId, sub, gid, sid } = claims;
  const shared = { jti, iat, exp, scope, clientId, jkt: cnf?.jkt };
  const extra = { roles: claims.roles, roles_ver: claims.roles_ver };
  const properties =
    name === 'AccessToken'
      ? { ...shared, accountId: sub, grantId: gid, sessionUid: sid, sid, extra }
      : shared;
  const Model = provider[name] as unknown as new (properties: object) => object;
  return new Model(properties);
}

/** At introspection and revocation, puts a handle in the place of a JWT. */
async function replaceJwt(
  { oidc, req }: KoaContextWithOIDC,
  handles: WeakMap<object, Handle>,
  verifier: AccessTokenVerifier,
): Promise<void> {
  const { route = '', params } = oidc ?? {};
  const token = params?.['token'];
  if (!params || !STRUCTURED_ROUTES.has(route) || typeof token !== 'string' || !JWT.test(token))
    return;
  // Whoever ends a token may do so with an old one too (RFC 7009 §2.2).
  const claims = await verifier.verify(token, { staleRoles: route === 'revocation' });
  const handle = { id: `jwt~${claims?.jti ?? 'unknown'}`, claims };
  handles.set(req, handle);
  params['token'] = handle.id;
}
