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
  const discarded: string[] = [];
  const service = createBrowserSessions({
    sessions: { end: async () => undefined, ...sessions },
    grants: { create: async () => undefined, endAll: async () => [{}] },
    oidc: {
      currentSession: async () => SESSION,
      issuer: 'https://auth.example.com',
      issueAccessToken: async () => ({ token: 'x', expiresAt: 1, roles: [] }),
    },
    tokens: {
      activate: async () => undefined,
      sign: () => 'x',
      discard: async (jti: string) => void discarded.push(jti),
    },
    clock: systemClock,
    random: systemRandom,
    log: { warn: ({ event }: { event: string }) => warnings.push(event) },
  } as unknown as Parts);
  return { service, warnings, discarded };
}

describe('B-08 a browser whose session ends while it is to get other cookies', () => {
  const proof = { amr: ['pwd'], request };

  it('B-08 keeps the cookies that it has, which may be those of another sign-in', async () => {
    const over = browsersWhere({ renewCookie: async () => undefined });
    expect(await over.service.renew(SESSION, request)).to.deep.equal([]);
    expect(over.discarded, 'nobody has the tokens that were made').to.have.length(1);
  });

  it('C6 gets no other cookie where the tokens that belong to it cannot be written', async () => {
    const without = browsersWhere({
      renewCookie: async (_uid, { alongside } = {}) => {
        await alongside?.({} as never, () => undefined);
        return { name: 'session', value: 'x' };
      },
    });
    const failure = await without.service.renew(SESSION, request).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
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
