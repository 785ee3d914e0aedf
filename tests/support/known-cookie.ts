/** The cookie by which a browser is known that signed in before. */
import { expect } from 'chai';
import type { Browser } from './browser.ts';

export const KNOWN = 'authsrv-known';

/** As the browser of an http server sends it, signature included. */
export async function knownCookie(browser: Browser): Promise<string> {
  const value = await browser.cookie(KNOWN);
  const signature = await browser.cookie(`${KNOWN}.sig`);
  expect(value).to.match(/^[\w-]{43}$/);
  return `${KNOWN}=${value}; ${KNOWN}.sig=${signature}`;
}

/** Gives one browser's cookie to another. */
export async function lendKnown(from: Browser, to: Browser, issuer: string): Promise<Browser> {
  for (const pair of (await knownCookie(from)).split('; ')) {
    await to.jar.setCookie(`${pair}; Path=/`, issuer);
  }
  return to;
}
