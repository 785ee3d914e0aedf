/** Providers of OIDC_PROVIDERS that call things otherwise than the standard does. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { type MockStage, startMockStage } from './mock-provider.ts';
import { me, signInWith } from './stage.ts';

type Claims = Record<string, unknown>;

describe('a provider with claims of its own', () => {
  let stage: MockStage;
  const asked: URLSearchParams[] = [];
  afterEach(() => stage.close());

  const start = async (provider: Record<string, unknown>): Promise<void> => {
    stage = await startMockStage({ provider });
    asked.length = 0;
    stage.server.service.on('beforeAuthorizeRedirect', (_redirect, { url = '' }) =>
      asked.push(new URL(url, stage.issuer).searchParams),
    );
  };

  /** What the ID token says, and what userinfo adds. */
  const signIn = async (claims: Claims, userinfo: Claims = {}) => {
    const sub = randomUUID();
    stage.misbehaviour = {
      claims: (payload) => Object.assign(payload, { sub }, claims),
      userinfo: (body) => Object.assign(body, { sub }, userinfo),
    };
    const browser = stage.app.browser();
    const answer = await signInWith(browser, 'mock');
    return { status: answer.status, user: await me(browser) };
  };
  const newMail = (): string => `m-${randomUUID()}@example.com`;

  const MAPPING = {
    scopes: 'openid mail',
    claims: { email: 'mail', email_verified: 'mail_checked', name: 'cn', locale: 'lang' },
  };

  it('is asked for its scopes, and understood by its mapping', async () => {
    await start(MAPPING);
    const mail = newMail();
    const told = { mail, mail_checked: true, cn: 'Ada L', lang: 'en-GB' };
    const { user } = await signIn({ ...told, email: newMail(), name: 'Nobody' });
    expect(user).to.include({ email: mail, email_verified: true, name: 'Ada L', locale: 'en-GB' });
    expect(asked[0]?.get('scope')).to.equal('openid mail');
  });

  it('is asked at userinfo for a mapped address that the ID token lacks', async () => {
    await start(MAPPING);
    const mail = newMail();
    const { user } = await signIn({ email: newMail() }, { mail, mail_checked: true });
    expect(user).to.include({ email: mail });
  });

  it('SEC-70 its own word for "verified" must be true as well', async () => {
    await start(MAPPING);
    for (const mail_checked of [false, 'true', 1, undefined]) {
      const { status, user } = await signIn({
        ...{ mail: newMail(), email_verified: true },
        ...(mail_checked !== undefined && { mail_checked }),
      });
      expect(status, String(mail_checked)).to.equal(403);
      expect(user).to.equal(undefined);
    }
  });

  it('trust_email vouches for every address, and for nothing that is none', async () => {
    await start({ trust_email: true });
    const email = newMail();
    expect((await signIn({ email })).user).to.include({ email, email_verified: true });
    expect((await signIn({ email: 'a@x.example,b@y.example' })).status).to.equal(403);
  });
});
