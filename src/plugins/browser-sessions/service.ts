import type { Log } from '../../kernel/plugin.ts';
import { wholeOrBatches } from '../../kernel/whole-or-batches.ts';
import type { SessionService } from '../sessions/contract.ts';
import type { BrowserSession, BrowserSessionService, Proof } from './contract.ts';
import { type IssueDependencies, issueFirstPair, tokenCookies } from './issue-tokens.ts';

interface Dependencies extends IssueDependencies {
  readonly sessions: Pick<SessionService, 'start' | 'end' | 'renewCookie'>;
  readonly log: Pick<Log, 'warn'>;
}

export function createBrowserSessions(parts: Dependencies): BrowserSessionService {
  const { sessions, grants, oidc, tokens, clientId, clock, log } = parts;

  const start = async (userId: string, proof: Proof): Promise<BrowserSession | undefined> => {
    const { request, ...proven } = proof;
    const previous = await oidc.currentSession(request.exchange);
    if (previous) await sessions.end(previous.uid, 'replaced by a new sign-in');
    const { ip, userAgent } = request;
    const started = await sessions.start({ userId, ...proven, ip, userAgent, request });
    const pair = started && (await issueFirstPair(started.session, parts));
    return pair && { pair, cookies: [...started.cookies, ...tokenCookies(pair, clock)] };
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

    async renew({ userId, uid }, { exchange }) {
      const current = await oidc.currentSession(exchange);
      if (current?.uid !== uid) return [];
      const [family, reason] = [{ sessionId: uid, clientId }, 'cookies renewed'];
      let hasTokens = false;
      const renewCookie = () =>
        sessions.renewCookie(uid, async (transaction, deny) => {
          const ended = await grants.endAll(family, reason, transaction, deny);
          hasTokens ||= ended.length > 0;
        });
      const cookie = await wholeOrBatches(renewCookie, async () => {
        hasTokens = (await grants.endInBatches(family, reason)).length > 0;
      });
      // Over meanwhile: those of its cookies that the browser still has lead nowhere, and others are not this session's.
      if (!cookie) return [];
      if (!hasTokens) return [cookie];
      const pair = await issueFirstPair({ uid, userId }, parts);
      return pair ? [cookie, ...tokenCookies(pair, clock)] : [];
    },
  };
}
