import type { Log } from '../../kernel/plugin.ts';
import { wholeOrBatches } from '../../kernel/whole-or-batches.ts';
import type { Alongside, SessionService } from '../sessions/contract.ts';
import type { BrowserSession, BrowserSessionService, Proof } from './contract.ts';
import {
  type IssueDependencies,
  type PreparedPair,
  prepareFirstPair,
  tokenCookies,
} from './issue-tokens.ts';

interface Dependencies extends IssueDependencies {
  readonly sessions: Pick<SessionService, 'start' | 'reauthenticated' | 'renewCookie'>;
  readonly log: Pick<Log, 'warn'>;
}

export function createBrowserSessions(parts: Dependencies): BrowserSessionService {
  const { sessions, grants, oidc, tokens, clientId, clock, log } = parts;

  const start = async (userId: string, proof: Proof): Promise<BrowserSession | undefined> => {
    const { request, ...proven } = proof;
    const previous = await oidc.currentSession(request.exchange);
    const { ip, userAgent } = request;
    let prepared: PreparedPair | undefined;
    const started = await sessions.start({
      ...{ userId, ...proven, ip, userAgent, request },
      replaces: previous && { uid: previous.uid, reason: 'replaced by a new sign-in' },
      async prepare(session) {
        prepared = await prepareFirstPair(session, parts);
        return prepared.write;
      },
    });
    if (!started || !prepared) return undefined;
    const { pair } = prepared;
    return { pair, cookies: [...started.cookies, ...tokenCookies(pair, clock)] };
  };

  return {
    tokens,
    tokenCookies: (pair) => tokenCookies(pair, clock),
    start,

    async startOver(userId, proof) {
      try {
        return (await start(userId, proof))?.cookies ?? [];
      } catch (error) {
        const fields = { event: 'session.not_started_over', sub: userId, err: error };
        log.warn(fields, 'signed out by a change of credentials');
        return [];
      }
    },

    async renew({ userId, uid }, { exchange }, authTime) {
      const current = await oidc.currentSession(exchange);
      if (current?.uid !== uid) {
        if (authTime !== undefined) await sessions.reauthenticated(uid, authTime);
        return [];
      }
      const { pair, write, discard } = await prepareFirstPair({ uid, userId }, parts);
      const [family, reason] = [{ sessionId: uid, clientId }, 'cookies renewed'];
      let hasTokens = false;
      const alongside: Alongside = async (transaction, deny) => {
        const ended = await grants.endAll(family, reason, transaction, deny);
        hasTokens ||= ended.length > 0;
        if (hasTokens) await write(transaction);
      };
      const cookie = await wholeOrBatches(
        () => sessions.renewCookie(uid, { authTime, alongside }),
        async () => {
          hasTokens = (await grants.endInBatches(family, reason)).length > 0;
        },
      );
      if (!cookie || !hasTokens) await discard();
      // Over meanwhile: those of its cookies that the browser still has lead nowhere, and others are not this session's.
      if (!cookie) return [];
      return hasTokens ? [cookie, ...tokenCookies(pair, clock)] : [cookie];
    },
  };
}
