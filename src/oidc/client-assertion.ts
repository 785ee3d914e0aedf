/** What oidc-provider leaves open of a client's assertion (RFC 7523 §3, draft-ietf-oauth-rfc7523bis §3). */
import { type Configuration, errors } from 'oidc-provider';
import { type Clock, epochSeconds } from '../kernel/clock.ts';

/** Seconds from now that an assertion may be good for; its `jti` is remembered longer (`adapter.ts`). */
const LONGEST = 600;
/** Seconds by which a client's clock may be ahead: oidc-provider's `clockTolerance`. */
const SKEW = 15;

/** A JWT that says what it is, and is something else, authenticates nobody (RFC 8725 §3.11). */
const TYPES = new Set<unknown>([undefined, 'jwt', 'client-authentication+jwt']);

type Check = NonNullable<Configuration['assertJwtClientAuthClaimsAndHeader']>;

/** Called once the signature, `iss`, `aud` and the times are known to be good. Throws `invalid_client`. */
export const createAssertionCheck =
  (clock: Clock): Check =>
  (_ctx, { exp }, { typ }) => {
    if (!TYPES.has(typeof typ === 'string' ? typ.toLowerCase() : typ)) {
      throw new errors.InvalidClientAuth('typ of the client_assertion is that of another JWT');
    }
    if (Number(exp) > epochSeconds(clock) + LONGEST + SKEW) {
      throw new errors.InvalidClientAuth('exp of the client_assertion is too far ahead');
    }
  };
