/** Where this server itself sends logout tokens (OIDC Back-Channel Logout 1.0 §2.2). */
import type { Outgoing } from '../../kernel/outgoing.ts';
import { firstFault, URI_CHECKS } from './check-uri.ts';

/**
 * Says what is wrong with the URI, in words that follow its name; undefined when nothing is. What may be registered is what
 * will be called; names are judged again, by their addresses, at each call.
 */
export const checkBackchannelLogoutUri = (
  uri: string,
  outgoing: Pick<Outgoing, 'faultOf'>,
): string | undefined =>
  firstFault(uri, [...URI_CHECKS, (text) => outgoing.faultOf(new URL(text))]);
