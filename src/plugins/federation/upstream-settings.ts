import { z } from 'zod';
import { isLoopback } from './upstream-fetch.ts';

/** A URL of a provider, for settings: https, or http on this machine. */
export const upstreamUrl = z.string().refine(
  (text) => {
    if (!URL.canParse(text)) return false;
    const url = new URL(text);
    const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
    return isSafe && !url.username && !url.search && !url.hash;
  },
  { error: 'must be an https URL without query' },
);

/** What is to be registered at the provider as redirect URI. */
export const callbackUrl = (publicUrl: URL, provider: string): string =>
  `${publicUrl.href.replace(/\/$/, '')}/oauth2/${provider}/callback`;
