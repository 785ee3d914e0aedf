import type { CookieChange, RequestInfo } from '../../kernel/route.ts';
import { defineService } from '../../kernel/service.ts';

/** An account that signed in before in the browser that asks. */
export interface KnownAccount {
  /** Names this browser for this account, and keeps doing so under another cookie. */
  readonly id: string;
  readonly userId: string;
  /** The address that the account has now, in lower case. */
  readonly email: string;
  /** The same for all spellings of it; that of `email` where another account has it. */
  readonly emailKey: string;
}

export interface KnownBrowserService {
  /** Those of the browser's cookie, ten at most: by one statement, with a cookie or without, whoever is asked for. */
  accounts(request: Pick<RequestInfo, 'cookie'>): Promise<readonly KnownAccount[]>;
  /**
   * The person proved all that is asked of them in this browser. Its cookie; none when it could not be written down, or when
   * the user has other credentials by now (`User.credentialsVersion`). It never fails a sign-in.
   */
  remember(
    user: { readonly id: string; readonly credentialsVersion?: number | undefined },
    request: Pick<RequestInfo, 'cookie'>,
  ): Promise<readonly CookieChange[]>;
}

export const KnownBrowsers = defineService<KnownBrowserService>('known-browsers');
