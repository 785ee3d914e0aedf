import { expect } from 'chai';
import type { RequestInfo } from '../../../src/kernel/route.ts';
import { createBrowserSessions } from '../../../src/plugins/browser-sessions/service.ts';
import { systemClock, systemRandom } from '../../../src/system.ts';

type Parts = Parameters<typeof createBrowserSessions>[0];

const SESSION = { uid: 'the-session', userId: 'ana', authTime: 0, amr: ['pwd'] };
const request = { ip: '', userAgent: '', exchange: {} } as RequestInfo;

/** The service of browser sessions where the session is over by the time that it would get other cookies. */
function browsersWhere(sessions: Partial<Parts['sessions']>) {
  const warnings: string[] = [];
  const service = createBrowserSessions({
    sessions: { end: async () => undefined, ...sessions },
    grants: { create: async () => undefined, endAll: async () => [{}] },
    oidc: { currentSession: async () => SESSION, issuer: 'https://auth.example.com' },
    clock: systemClock,
    random: systemRandom,
    log: { warn: ({ event }: { event: string }) => warnings.push(event) },
  } as unknown as Parts);
  return { service, warnings };
}

describe('B-08 a browser whose session ends while it is to get other cookies', () => {
  const proof = { amr: ['pwd'], request };

  it('B-08 keeps the cookies that it has, which may be those of another sign-in', async () => {
    const over = browsersWhere({ renewCookie: async () => undefined });
    expect(await over.service.renew(SESSION, request)).to.deep.equal([]);
    const cookie = { name: 'session', value: 'x' } as const;
    const without = browsersWhere({
      renewCookie: async (_uid, work) => {
        await work?.({} as never, async () => undefined);
        return cookie;
      },
    });
    expect(await without.service.renew(SESSION, request)).to.deep.equal([]);
  });

  it('B-08 and so does one for which no session can be had after a change of credentials', async () => {
    const refused = browsersWhere({ start: async () => undefined });
    expect(await refused.service.startOver('ana', proof)).to.deep.equal([]);
    expect(refused.warnings).to.deep.equal([]);
    const lost = browsersWhere({
      start: async () => {
        throw new Error('the store is away');
      },
    });
    expect(await lost.service.startOver('ana', proof)).to.deep.equal([]);
    expect(lost.warnings).to.deep.equal(['session.not_started_over']);
  });
});
