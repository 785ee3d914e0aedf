import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Roles } from '../../src/plugins/roles/contract.ts';
import { Users } from '../../src/plugins/users/contract.ts';
import type { Browser } from '../support/browser.ts';
import { createUser, PASSWORD, signedInBrowser } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/** What nobody sets about themselves, in the spellings of several frameworks. */
const FORBIDDEN: Readonly<Record<string, unknown>> = {
  roles: ['superuser'],
  role: 'superuser',
  is_superuser: true,
  isSuperuser: true,
  id: '00000000-0000-4000-8000-000000000000',
  sub: '00000000-0000-4000-8000-000000000000',
  email_verified: true,
  emailVerified: true,
  email_canonical: 'root@example.com',
  created_at: '2000-01-01T00:00:00Z',
  createdAt: '2000-01-01T00:00:00Z',
  disabled: false,
  disabled_at: null,
  roles_ver: 1_000_000,
  credentials_ver: 1_000_000,
  password_hash: '$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA',
  'profile.roles': ['superuser'],
  'roles[]': 'superuser',
  constructor: { prototype: { isSuperuser: true } },
};

describe('SEC-77 members that nobody sets about themselves', () => {
  let app: TestApp;
  let browser: Browser;
  let id: string;

  before(async () => {
    app = await startTestApp();
    const user = await createUser(app);
    id = user.id;
    browser = await signedInBrowser(app, user);
  });
  after(() => app.close());

  const isUntouched = async (): Promise<void> => {
    expect(await app.app.use(Roles).namesOf(id)).to.deep.equal([]);
    expect(await app.app.use(Users).find(id)).to.deep.include({ emailVerified: false });
    expect(({} as Record<string, unknown>)['isSuperuser']).to.equal(undefined);
  };

  for (const [member, value] of Object.entries(FORBIDDEN)) {
    it(`${member} is refused at registration, in the profile and with a password`, async () => {
      const email = `mass-${randomUUID()}@example.com`;
      const attempts: [string, string, object][] = [
        ['POST', '/auth/register', { email, password: PASSWORD }],
        ['PATCH', '/auth/me', { name: 'Another' }],
        ['PUT', '/auth/password', { current_password: PASSWORD, new_password: 'x'.repeat(20) }],
        ['POST', '/auth/login', { email, password: PASSWORD }],
      ];
      for (const [method, path, json] of attempts) {
        const answer = await browser.request(path, { method, json: { ...json, [member]: value } });
        expect(answer.status, `${path} ${answer.text}`).to.equal(400);
      }
      expect(await app.app.use(Users).findByEmail(email)).to.equal(undefined);
      await isUntouched();
    });
  }

  it('__proto__ is refused as JSON writes it', async () => {
    for (const [method, path] of [
      ['POST', '/auth/register'],
      ['PATCH', '/auth/me'],
    ] as const) {
      const email = `mass-${randomUUID()}@example.com`;
      const rest = path === '/auth/me' ? '' : `"email":"${email}","password":"${PASSWORD}",`;
      const answer = await browser.request(path, {
        method,
        body: `{${rest}"__proto__":{"isSuperuser":true,"roles":["superuser"]}}`,
        headers: { 'content-type': 'application/json' },
      });
      expect(answer.status, path).to.equal(400);
      expect(await app.app.use(Users).findByEmail(email)).to.equal(undefined);
    }
    await isUntouched();
  });
});
