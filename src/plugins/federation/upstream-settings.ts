import { z } from 'zod';
import { isLoopbackHost } from '../../kernel/addresses.ts';

/** A URL of a provider, for settings: https, or http on this machine. */
export const upstreamUrl = z.string().refine(
  (text) => {
    if (!URL.canParse(text)) return false;
    const url = new URL(text);
    const isLocal = url.protocol === 'http:' && isLoopbackHost(url.hostname);
    const isSafe = url.protocol === 'https:' || isLocal;
    return isSafe && !url.username && !url.search && !url.hash;
  },
  { error: 'must be an https URL without query' },
);

/** For `superRefine`: half a client is a mistake, and nobody would know why there is no button. */
export const bothOrNone =
  (one: string, other: string) =>
  (set: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void => {
    for (const [given, needed] of [
      [one, other],
      [other, one],
    ] as const) {
      if (set[given] === undefined || set[needed] !== undefined) continue;
      context.addIssue({ code: 'custom', path: [needed], message: `is needed with ${given}` });
    }
  };

/** What is to be registered at the provider as redirect URI. */
export const callbackUrl = (publicUrl: URL, provider: string): string =>
  `${publicUrl.href.replace(/\/$/, '')}/oauth2/${provider}/callback`;
