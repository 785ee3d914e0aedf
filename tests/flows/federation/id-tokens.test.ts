import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { generateKeyPair, SignJWT } from 'jose';
import { type Misbehaviour, type MockStage, startMockStage } from './mock-provider.ts';
import { me, signInWith } from './stage.ts';

type Claims = Record<string, unknown>;

const seconds = (): number => Math.floor(Date.now() / 1000);

/** Somebody nobody has seen before. */
const person = (): Claims => ({
  sub: `m-${randomUUID()}`,
  email: `m-${randomUUID()}@example.com`,
  email_verified: true,
});

describe('ID tokens and claims of another provider', () => {
  let stage: MockStage;
  before(async () => {
    stage = await startMockStage();
  });
  after(() => stage.close());

  const attempt = async (misbehaviour: Misbehaviour, claims: Claims = person()) => {
    stage.misbehaviour = {
      ...misbehaviour,
      claims: (payload) => {
        Object.assign(payload, claims);
        misbehaviour.claims?.(payload);
      },
    };
    const browser = stage.app.browser();
    const answer = await signInWith(browser, 'mock');
    return { answer, user: await me(browser) };
  };

  it('lets somebody in when nothing is wrong', async () => {
    const claims = person();
    const { answer, user } = await attempt({}, claims);
    expect(answer.status).to.equal(200);
    expect(user).to.include({ email: claims['email'] });
  });

  const WRONG: Record<string, (payload: Claims) => void> = {
    'CVE-2026-15612 no nonce at all': (payload) => delete payload['nonce'],
    'another nonce': (payload) => Object.assign(payload, { nonce: 'x'.repeat(43) }),
    'an empty nonce': (payload) => Object.assign(payload, { nonce: '' }),
    'another audience': (payload) => Object.assign(payload, { aud: 'somebody-else' }),
    'no audience': (payload) => delete payload['aud'],
    'several audiences without azp': (payload) =>
      Object.assign(payload, { aud: ['our-client', 'somebody-else'] }),
    'azp of another client': (payload) => Object.assign(payload, { azp: 'somebody-else' }),
    'another issuer': (payload) => Object.assign(payload, { iss: 'https://evil.example.com' }),
    'the issuer with a slash': (payload) => Object.assign(payload, { iss: `${payload['iss']}/` }),
    'no issuer': (payload) => delete payload['iss'],
    'exp 31 s ago': (payload) => Object.assign(payload, { exp: seconds() - 32 }),
    'no exp': (payload) => delete payload['exp'],
    'no iat': (payload) => delete payload['iat'],
    'nbf in a minute': (payload) => Object.assign(payload, { nbf: seconds() + 60 }),
    'SEC-69 no subject': (payload) => delete payload['sub'],
    'SEC-69 an empty subject': (payload) => Object.assign(payload, { sub: '' }),
    'SEC-69 a subject that is 0': (payload) => Object.assign(payload, { sub: 0 }),
    'SEC-69 a subject that is a number': (payload) => Object.assign(payload, { sub: 12 }),
    'SEC-69 a subject that is null': (payload) => Object.assign(payload, { sub: null }),
    'SEC-69 a subject that is an object': (payload) => Object.assign(payload, { sub: {} }),
    'SEC-69 a subject that is a list': (payload) => Object.assign(payload, { sub: ['a'] }),
    'SEC-69 a subject without end': (payload) => Object.assign(payload, { sub: 'a'.repeat(256) }),
    'SEC-69 a subject with NUL': (payload) => Object.assign(payload, { sub: 'a\0b' }),
  };

  for (const [what, claims] of Object.entries(WRONG)) {
    it(`SEC-68 refuses ${what}`, async () => {
      const { answer, user } = await attempt({ claims });
      expect(answer.status).to.equal(502);
      expect(answer.text)
        .to.include('cannot be trusted')
        .and.not.match(/\.ts:|node_modules/);
      expect(user).to.equal(undefined);
    });
  }

  describe('SEC-68 signatures', () => {
    const part = (value: object): string =>
      Buffer.from(JSON.stringify(value)).toString('base64url');
    const decode = (token: unknown): Claims =>
      JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString()) as Claims;

    const FORGED: Record<string, (token: string) => string> = {
      'alg none': (token) => `${part({ alg: 'none' })}.${part(decode(token))}.`,
      'alg None': (token) => `${part({ alg: 'None' })}.${part(decode(token))}.`,
      'an empty signature': (token) => `${token.split('.').slice(0, 2).join('.')}.`,
      'another signature': (token) =>
        `${token.split('.').slice(0, 2).join('.')}.${'A'.repeat(342)}`,
      'claims changed after signing': (token) => {
        const [head, , signature] = token.split('.');
        return `${head}.${part({ ...decode(token), sub: 'admin' })}.${signature}`;
      },
      'no token at all': () => '',
      'no JWT': () => 'abc',
    };
    for (const [what, forge] of Object.entries(FORGED)) {
      it(`refuses ${what}`, async () => {
        const tokens = (body: Claims) =>
          Object.assign(body, { id_token: forge(String(body['id_token'])) });
        const { answer, user } = await attempt({ tokens });
        expect(answer.status).to.equal(502);
        expect(user).to.equal(undefined);
      });
    }

    it('refuses a key that the provider has not, HS256 with the client secret, and no ID token', async () => {
      const { privateKey } = await generateKeyPair('RS256');
      const now = seconds();
      const base = { ...person(), iss: stage.issuer, aud: 'our-client', iat: now, exp: now + 600 };
      const foreign = await new SignJWT(base).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
      const symmetric = await new SignJWT(base)
        .setProtectedHeader({ alg: 'HS256' })
        .sign(Buffer.from('s'.repeat(32)));
      for (const id_token of [foreign, symmetric, undefined]) {
        const tokens = (body: Claims) => {
          if (id_token === undefined) delete body['id_token'];
          else body['id_token'] = id_token;
        };
        const { answer, user } = await attempt({ tokens });
        expect(answer.status).to.equal(502);
        expect(user).to.equal(undefined);
      }
    });
  });

  describe('SEC-70 CVE-2026-15611 an address counts only when the provider verified it', () => {
    for (const value of [false, 'false', 'true', 0, 1, null, undefined, {}, ['true']]) {
      it(`email_verified ${JSON.stringify(value) ?? 'absent'}`, async () => {
        const claims: Claims = { ...person(), email_verified: value };
        if (value === undefined) delete claims['email_verified'];
        const { answer, user } = await attempt({}, claims);
        expect(answer.status).to.equal(403);
        expect(answer.text).to.include('Your address is not confirmed there');
        expect(user).to.equal(undefined);
      });
    }

    it('an empty address, a list of two, an object, a look-alike with two @', async () => {
      const two = 'a@evil.example＠example.com';
      for (const email of ['', 'a@x.example,b@y.example', { a: 1 }, 7, two, 'no-at']) {
        const { answer, user } = await attempt({}, { ...person(), email });
        expect(answer.status, String(email)).to.equal(403);
        expect(user).to.equal(undefined);
      }
    });
  });

  it('GHSA-5hvv-9cqv-894r userinfo of nobody, or of somebody else, is refused', async () => {
    for (const body of [{}, { sub: '' }, { sub: 'other', email: 'x@example.com' }, { sub: 0 }]) {
      const { answer, user } = await attempt({
        claims: (payload) => {
          delete payload['email'];
          delete payload['email_verified'];
        },
        userinfo: (answered) => {
          for (const name of Object.keys(answered)) delete answered[name];
          Object.assign(answered, body);
        },
      });
      expect(answer.status, JSON.stringify(body)).to.equal(502);
      expect(user).to.equal(undefined);
    }
  });

  it('SEC-77 a profile sets neither roles, id, dates nor anything else that is ours', async () => {
    const claims = {
      ...person(),
      ...{ roles: ['superuser'], isSuperuser: true, id: randomUUID(), created_at: '1970-01-01' },
      ...{ disabled_at: null, roles_ver: 99, name: 'A\u202Eb', locale: 'not a locale' },
    };
    const { user } = await attempt({}, claims);
    expect(user).to.deep.include({ roles: [], name: null, locale: null });
    expect(user?.['id']).to.not.equal(claims.id);
  });
});
