import { expect } from 'chai';
import { createShortenToken, MOST_BEARER } from '../../src/oidc/token-size.ts';
import { createRecordingLog } from '../support/log.ts';

const ISSUER = 'https://auth.example.com';

describe('what becomes of an access token that is too long', () => {
  const shorten = (payload: Record<string, unknown>, extra: object = {}) => {
    const log = createRecordingLog();
    const token = { clientId: 'a-client', extra };
    const make = createShortenToken({ issuer: ISSUER, mostInCookie: 4000, log });
    const all: Record<string, unknown> = {
      iss: ISSUER,
      aud: ['api', ISSUER],
      ...extra,
      ...payload,
    };
    make(token as unknown as Parameters<typeof make>[0], all);
    return { payload: JSON.parse(JSON.stringify(all)) as object, log: log.entries };
  };

  it('B-03 nothing, while it fits', () => {
    const { payload, log } = shorten({ scope: 'a' }, { roles: ['b'], plan: 'c'.repeat(5000) });
    expect(payload).to.include({ plan: 'c'.repeat(5000) });
    expect(log).to.deep.equal([]);
  });

  it('B-03 it keeps what our own endpoints need, and names this server alone', () => {
    const extra = { roles: ['b'], roles_ver: 3, gid: 'g', sid: 's', plan: 'c'.repeat(7000) };
    const { payload, log } = shorten({ scope: 'a' }, extra);
    const kept = { roles_ver: 3, gid: 'g', sid: 's' };
    expect(payload).to.deep.equal({ iss: ISSUER, aud: ISSUER, ...kept, scope: 'a' });
    const [{ fields }] = log as [(typeof log)[0]];
    expect(fields).to.include({ client_id: 'a-client', most: MOST_BEARER, claim: 'plan' });
    expect(JSON.stringify(fields)).not.to.contain('ccc');
  });

  it('B-03 scopes of a client that leave no room are an OAuth error, not a token that nobody takes', () => {
    expect(() => shorten({ scope: 's'.repeat(7000) }, { roles: ['b'] }))
      .to.throw()
      .with.property('error', 'invalid_scope');
  });
});
