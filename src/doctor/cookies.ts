/** `cookies`: whether they reach a browser as they were set. */
import { broken, type Diagnosis, type Finding, NotExamined } from '../kernel/plugin.ts';
import type { Call } from './call.ts';

interface CookieParts {
  readonly issuer: string;
  /** Names and paths, as the server sets them under this PUBLIC_URL. */
  readonly expected: readonly { readonly name: string; readonly path: string }[];
  readonly call: Call;
}

/** A logout without a session: it clears all cookies of the caller, who has none. */
export const diagnoseCookies = ({ issuer, expected, call }: CookieParts): Diagnosis => ({
  name: 'cookies',
  async check() {
    const { origin } = new URL(issuer);
    const answer = await call(`${issuer}/auth/logout`, {
      method: 'POST',
      headers: { origin },
    }).catch(() => {
      throw new NotExamined('PUBLIC_URL cannot be reached');
    });
    if (answer.status !== 204) throw new NotExamined(`POST /auth/logout answers ${answer.status}`);
    const received = answer.headers.getSetCookie();
    return expected.flatMap((cookie) => judge(cookie, received, origin.startsWith('https:')));
  },
});

function judge(
  { name, path }: { readonly name: string; readonly path: string },
  received: readonly string[],
  isSecure: boolean,
): Finding[] {
  const fix =
    'Let the proxy pass Set-Cookie on unchanged (no proxy_cookie_* in nginx), and give all nodes one PUBLIC_URL.';
  const cookie = received.find((one) => one.startsWith(`${name}=`));
  if (cookie === undefined) return [broken(`The cookie ${name} does not reach the browser.`, fix)];
  const attributes = cookie.toLowerCase().split('; ').slice(1);
  const wanted = [`path=${path.toLowerCase()}`, 'httponly', ...(isSecure ? ['secure'] : [])];
  const lost = wanted.filter((one) => !attributes.includes(one));
  return lost.length === 0
    ? []
    : [broken(`The cookie ${name} reaches the browser without ${lost.join(', ')}.`, fix)];
}
