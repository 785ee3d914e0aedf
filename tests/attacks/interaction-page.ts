/** Pages of one interaction, taken apart as an attacker would. */
import { type Answer, type Browser, forms } from '../support/browser.ts';

export const uidOf = ({ url }: Answer): string => new URL(url).pathname.split('/').at(-1) ?? '';

/** The token of the page's first form. */
export const csrfOf = (page: Answer): string => forms(page)[0]?.fields['_csrf'] ?? '';

/** Sends fields of one's own choice; redirects are not followed. From the same origin unless told otherwise. */
export const postForm = (
  browser: Browser,
  path: string,
  form: Record<string, string>,
  headers: Record<string, string> = { 'sec-fetch-site': 'same-origin' },
): Promise<Answer> => browser.request(path, { form, headers: { accept: 'text/html', ...headers } });
