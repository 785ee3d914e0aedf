import { decodeProtectedHeader } from 'jose';
import { Provider } from 'oidc-provider';
import { hintOfPushedRequest } from './request-sizes.ts';

/** Compares a presented client secret with what is stored, in constant time. */
export type IsClientSecret = (stored: string, presented: string) => boolean;

/** Public members of the models that are ours to decide. */
export function overrideModels(provider: Provider, isClientSecret: IsClientSecret): void {
  const session = provider.Session.prototype as unknown as {
    uid: string;
    sidFor(clientId: string, value?: string): string | undefined;
    ensureClientContainer(clientId: string): void;
  };
  // `sid` is the session's uid everywhere (api.md "Tokens").
  session.ensureClientContainer = function (clientId) {
    this.sidFor(clientId, this.uid);
  };
  const client = provider.Client.prototype as unknown as {
    clientSecret: string;
    clientAuthMethod: string;
    compareClientSecret(presented: string): boolean;
  };
  client.compareClientSecret = function (presented) {
    // oidc-provider takes a secret by either method; a client has registered one of them (SEC-59).
    const isRegistered = this.clientAuthMethod === presentedMethod();
    return isClientSecret(this.clientSecret, presented) && isRegistered;
  };
  refuseOtherTypes(provider);
  leaveSessionCookie(provider);
}

const presentedMethod = (): string =>
  Provider.ctx?.get('authorization') ? 'client_secret_basic' : 'client_secret_post';

/** An `id_token_hint` is an ID token: a logout token, which the same key signs, is none (RFC 8725 §3.11). */
function refuseOtherTypes(provider: Provider): void {
  const { IdToken } = provider;
  const validate = IdToken.validate.bind(IdToken);
  IdToken.validate = async (token, client) => {
    const proven = hintOfPushedRequest(Provider.ctx, token);
    if (proven) return proven as Awaited<ReturnType<typeof validate>>;
    const { typ } = decodeProtectedHeader(token);
    if (typ !== undefined && typ !== 'JWT') throw new Error(`not an ID token: ${typ}`);
    return validate(token, client);
  };
}

/**
 * oidc-provider answers a cookie whose session is over with one of a session of nobody, which would take the place of another
 * sign-in that the browser has by then (B-08). Such a session is set and kept only once there is something to keep, as if
 * there had been no cookie; and so is one of nobody that exists, where an authorization request begins. `new` means just
 * that to it, and besides, when a request is resumed, that the id need not be changed: here it was made a moment ago.
 */
function leaveSessionCookie(provider: Provider): void {
  const { Session } = provider;
  const get = Session.get.bind(Session);
  Session.get = async (ctx) => {
    const session = await get(ctx);
    const isUnknown = session.exp === undefined;
    if (!session.accountId && (isUnknown || ctx['oidc']?.route === 'authorization'))
      Reflect.defineProperty(session, 'new', { value: true });
    return session;
  };
}
