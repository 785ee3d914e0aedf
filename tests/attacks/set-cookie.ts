/** `Set-Cookie`, attribute by attribute (RFC 6265 §4.1). */
import type { Answer } from '../support/browser.ts';

export interface SetCookie {
  readonly name: string;
  readonly value: string;
  /** Lower-case names; `''` for those without a value. */
  readonly attributes: Readonly<Record<string, string>>;
}

export function parseSetCookie(line: string): SetCookie {
  const [pair = '', ...rest] = line.split(/;\s*/);
  const attributes = rest.map((part): [string, string] => {
    const [name = '', ...value] = part.split('=');
    return [name.toLowerCase(), value.join('=')];
  });
  return {
    name: pair.slice(0, pair.indexOf('=')),
    value: pair.slice(pair.indexOf('=') + 1),
    attributes: Object.fromEntries(attributes),
  };
}

/** The cookies an answer sets, by name. Throws when one name comes twice: browsers disagree about that. */
export function cookiesOf({ setCookies }: Pick<Answer, 'setCookies'>): Map<string, SetCookie> {
  const cookies = new Map<string, SetCookie>();
  for (const cookie of setCookies.map(parseSetCookie)) {
    if (cookies.has(cookie.name)) throw new Error(`${cookie.name} is set twice`);
    cookies.set(cookie.name, cookie);
  }
  return cookies;
}

/** Value of a cookie that the answer sets. Throws when it does not. */
export function cookieValue(answer: Pick<Answer, 'setCookies'>, name: string): string {
  const value = cookiesOf(answer).get(name)?.value;
  if (!value) throw new Error(`${name} is not set: ${answer.setCookies.join(' | ')}`);
  return value;
}

/** True for a cookie that the browser drops at once. */
export const isDeletion = ({ attributes }: SetCookie): boolean =>
  new Date(attributes['expires'] ?? Number.NaN).getTime() <= 0;
