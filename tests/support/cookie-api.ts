/** The cookie REST API under https, with the tokens in hand: for what no browser would do, as sending one twice. */
import { decodeJwt } from 'jose';
import type { User } from '../../src/plugins/users/contract.ts';
import type { Answer } from './browser.ts';
import type { Node } from './nodes.ts';
import { PASSWORD } from './people.ts';

export interface Tokens {
  readonly access: string;
  readonly refresh: string;
}

/** The tokens that an answer sets as cookies. Throws with the answer when there are none. */
export function tokensOf(answer: Answer): Tokens {
  const cookie = (name: string): string => {
    const found = answer.setCookies.find((text) => text.startsWith(`${name}=`));
    const value = found?.slice(name.length + 1).split(';')[0];
    if (value) return value;
    throw new Error(`no ${name}: ${answer.status} ${answer.text}`);
  };
  const refresh = cookie('__Secure-refresh');
  if (answer.setCookies.some((text) => text.startsWith('__Host-session='))) {
    const pairs = ['__Host-session', '__Host-session.sig'].map((name) => `${name}=${cookie(name)}`);
    sessions.set(decodeJwt(refresh)['sid'], pairs.join('; '));
  }
  return { access: cookie('__Host-access'), refresh };
}

/** The session cookie that came with the tokens of a session, by `sid`: a refresh counts with both (D16). */
const sessions = new Map<unknown, string>();

function sessionOf(refresh: string): string {
  try {
    return sessions.get(decodeJwt(refresh)['sid']) ?? '';
  } catch {
    return '';
  }
}

export const loginAt = async (node: Node, { email }: User): Promise<Tokens> =>
  tokensOf(await node.browser().request('/auth/login', { json: { email, password: PASSWORD } }));

/** With the session cookie that was last seen beside tokens of its session. */
export const refreshAt = (node: Node, refresh: string): Promise<Answer> =>
  node.browser().request('/auth/refresh', {
    method: 'POST',
    anonymous: true,
    headers: { cookie: `__Secure-refresh=${refresh}; ${sessionOf(refresh)}` },
  });

const withBearer = (path: string) => (node: Node, access: string) =>
  node.browser().request(path, {
    anonymous: true,
    headers: { authorization: `Bearer ${access}` },
  });

/** A route of ours that reads the user. */
export const meAt = withBearer('/auth/me');

export const userinfoAt = withBearer('/oidc/userinfo');
