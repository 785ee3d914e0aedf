import { decodeProtectedHeader } from 'jose';
import type { Provider } from 'oidc-provider';

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
    compareClientSecret(presented: string): boolean;
  };
  client.compareClientSecret = function (presented) {
    return isClientSecret(this.clientSecret, presented);
  };
  refuseOtherTypes(provider);
}

/** An `id_token_hint` is an ID token: a logout token, which the same key signs, is none (RFC 8725 §3.11). */
function refuseOtherTypes(provider: Provider): void {
  const { IdToken } = provider;
  const validate = IdToken.validate.bind(IdToken);
  IdToken.validate = async (token, client) => {
    const { typ } = decodeProtectedHeader(token);
    if (typ !== undefined && typ !== 'JWT') throw new Error(`not an ID token: ${typ}`);
    return validate(token, client);
  };
}
