/** Somebody who copied the cookies of a browser, all of them. */
import { Cookie } from 'tough-cookie';
import type { Browser } from './browser.ts';
import type { TestApp } from './test-app.ts';

/** A browser with the same cookies as this one now: as a thief has them. */
export async function copyOf(
  node: Pick<TestApp, 'browser' | 'issuer'>,
  browser: Browser,
): Promise<Browser> {
  const copy = node.browser();
  const { cookies } = await browser.jar.serialize();
  for (const stolen of cookies) {
    const cookie = Cookie.fromJSON(stolen);
    const url = `${node.issuer}${cookie?.path === '/' ? '' : (cookie?.path ?? '')}`;
    if (cookie) await copy.jar.setCookie(cookie, url, { ignoreError: true });
  }
  return copy;
}

/** The session cookie of a browser, whatever its name is. */
export async function sessionCookieOf(browser: Browser): Promise<string | undefined> {
  const { cookies } = await browser.jar.serialize();
  return cookies.find(({ key }) => /session$/.test(key ?? ''))?.value;
}
