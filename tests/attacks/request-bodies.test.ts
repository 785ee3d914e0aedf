import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { type Browser, forms } from '../support/browser.ts';
import { createUser, login, PASSWORD } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { basePath } from './base-path.ts';
import { rawRequest } from './raw-request.ts';

/** Bytes of a body that are read (SEC-90). */
const LIMIT = 32 * 1024;
const JSON_TYPE = { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' };

describe('request bodies', () => {
  let app: TestApp;
  let browser: Browser;

  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());
  beforeEach(() => {
    browser = app.browser();
  });

  const post = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
    browser.request('/auth/login', { method: 'POST', body, headers: { ...JSON_TYPE, ...headers } });

  /** JSON of exactly so many bytes that would be read, were it not for its size. */
  const jsonOf = (bytes: number): string => {
    const empty = JSON.stringify({ email: 'a@example.com', password: '' });
    return JSON.stringify({ email: 'a@example.com', password: 'x'.repeat(bytes - empty.length) });
  };

  it('SEC-90 32 KB are read, one byte more is 413', async () => {
    expect((await post(jsonOf(LIMIT))).status).to.equal(400);
    expect((await post(jsonOf(LIMIT + 1))).status).to.equal(413);
    expect((await post(jsonOf(1_000_000))).status).to.equal(413);
  });

  it('SEC-90 a body in chunks is counted, not believed', async () => {
    const chunk = `${(8192).toString(16)}\r\n${'x'.repeat(8192)}\r\n`;
    const answer = await rawRequest(
      app,
      [
        `POST ${basePath(app)}/auth/login HTTP/1.1`,
        'Host: x',
        'Content-Type: application/json',
        'Transfer-Encoding: chunked',
      ],
      `${chunk.repeat(5)}0\r\n\r\n`,
    );
    expect(answer.status).to.equal(413);
  });

  it('SEC-90 a Content-Length that promises too much is refused before the body comes', async () => {
    const answer = await rawRequest(app, [
      `POST ${basePath(app)}/auth/login HTTP/1.1`,
      'Host: x',
      'Content-Type: application/json',
      'Content-Length: 100000000',
    ]);
    expect(answer.status).to.equal(413);
  });

  it('SEC-90 requests that two parsers read differently are refused (request smuggling)', async () => {
    const head = [
      `POST ${basePath(app)}/auth/login HTTP/1.1`,
      'Host: x',
      'Content-Type: application/json',
    ];
    for (const lengths of [
      ['Content-Length: 2', 'Transfer-Encoding: chunked'],
      ['Content-Length: 2', 'Content-Length: 3'],
      ['Content-Length: -1'],
      ['Content-Length: 2, 3'],
      ['Transfer-Encoding: xchunked'],
      ['Transfer-Encoding : chunked'],
    ]) {
      const { status } = await rawRequest(app, [...head, ...lengths], '0\r\n\r\n');
      expect(status, lengths.join(' | ')).to.equal(400);
    }
  });

  it('SEC-90 compressed bodies are 415, bombs or not', async () => {
    const small = gzipSync(JSON.stringify({ email: 'a@example.com', password: 'x' }));
    const bomb = gzipSync(Buffer.alloc(20_000_000));
    expect(bomb.length).to.be.lessThan(LIMIT);
    for (const body of [small, bomb]) {
      for (const encoding of [
        'gzip',
        'GZIP',
        'x-gzip',
        'deflate',
        'br',
        'zstd',
        'identity, gzip',
      ]) {
        expect((await post(body, { 'content-encoding': encoding })).status, encoding).to.equal(415);
      }
    }
    expect((await post('{}', { 'content-encoding': 'identity' })).status).to.equal(400);
  });

  it('SEC-90 what is no UTF-8 is 400', async () => {
    for (const bytes of [
      [0xff, 0xfe],
      [0xc0, 0xaf],
      [0xed, 0xa0, 0x80],
      [0xf8, 0x88, 0x80],
      [0x80],
    ]) {
      const body = Buffer.concat([
        Buffer.from('{"email":"'),
        Buffer.from(bytes),
        Buffer.from('@example.com","password":"x"}'),
      ]);
      expect((await post(body)).status, bytes.join(' ')).to.equal(400);
    }
  });

  it('SEC-90 other charsets are not guessed', async () => {
    const utf16 = Buffer.from(JSON.stringify({ email: 'a@example.com', password: 'x' }), 'utf16le');
    const type = 'application/json; charset=utf-16';
    expect((await post(utf16, { 'content-type': type })).status).to.be.oneOf([400, 415]);
  });

  it('SEC-90 what is no JSON object is 400', async () => {
    for (const body of [
      '',
      ' ',
      'null',
      'true',
      '1',
      '"text"',
      '[]',
      '[{"email":"a@example.com","password":"x"}]',
      '{',
      '{"email":}',
      "{'email':'a'}",
      '{"email":"a@example.com",}',
      '{"email":"a@example.com"} trailing',
      'email=a&password=b',
      '\ufeff{}',
      'NaN',
      '{"email": undefined}',
      '// comment\n{}',
    ]) {
      const answer = await post(body);
      expect(answer.status, JSON.stringify(body)).to.equal(400);
      expect(answer.headers.get('content-type')).to.equal('application/problem+json');
    }
  });

  it('SEC-90 nesting to any depth that fits is 400, fast', async () => {
    for (const body of [
      `{"email":${'['.repeat(16_000)}${']'.repeat(16_000)},"password":"x"}`,
      `${'{"email":'.repeat(3000)}1${'}'.repeat(3000)}`,
      '['.repeat(32_000),
    ]) {
      const started = performance.now();
      expect((await post(body)).status).to.equal(400);
      expect(performance.now() - started).to.be.lessThan(3000);
    }
  });

  it('SEC-90 a member that comes twice is 400, whichever of the two would do', async () => {
    const { email } = await createUser(app);
    const credentials = `"email":"${email}","password":"${PASSWORD}"`;
    expect((await post(`{${credentials}}`)).status).to.equal(200);
    for (const twice of [
      `{${credentials},"email":"${email}"}`,
      `{"email":"other@example.com",${credentials}}`,
      `{"p\\u0061ssword":"x",${credentials}}`,
    ]) {
      const answer = await post(twice);
      expect(answer.status, twice).to.equal(400);
      expect(answer.json()['type']).to.equal('urn:problem:http:malformed-body');
    }
  });

  it('SEC-90 __proto__ and constructor members are 400 and pollute nothing', async () => {
    const polluted = { polluted: true };
    const json = (member: string, value: unknown): string =>
      `{"email":"a@example.com","password":"x",${JSON.stringify(member)}:${JSON.stringify(value)}}`;
    const bodies = [
      json('__proto__', polluted),
      json('__proto__', null),
      json('constructor', { prototype: polluted }),
      json('prototype', polluted),
      json('__defineGetter__', 'x'),
      '{"__proto__":{"email":"a@example.com","password":"x"}}',
      `{"\\u005f_proto__":${JSON.stringify(polluted)},"email":"a@example.com","password":"x"}`,
    ];
    for (const body of bodies) {
      for (const path of ['/auth/login', '/auth/register']) {
        const answer = await browser.request(path, { method: 'POST', body, headers: JSON_TYPE });
        expect(answer.status, `${path} ${body}`).to.equal(400);
      }
    }
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
    expect(Object.prototype).not.to.have.property('polluted');
  });

  it('SEC-90 __proto__ in a form is a field like any other', async () => {
    const rp = await createRelyingParty(app);
    const form = forms(await rp.authorize(browser)).find(({ action }) => action.endsWith('/login'));
    const fields = new URLSearchParams({ ...form?.fields, email: 'a@example.com', password: 'x' });
    for (const name of ['__proto__', 'constructor', 'toString', '__proto__[polluted]']) {
      fields.append(name, 'polluted');
    }
    const answer = await browser.request(form?.action ?? '', {
      form: fields,
      headers: { 'sec-fetch-site': 'same-origin' },
    });
    expect(answer.status).to.equal(401);
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
  });

  it('SEC-92 other types in the place of text are 400, and the fault is named', async () => {
    const values = [null, 1, true, [], ['a@example.com'], {}, { $ne: '' }, { length: 5 }, [['x']]];
    for (const value of values) {
      for (const member of ['email', 'password']) {
        const valid = { email: 'a@example.com', password: PASSWORD };
        const answer = await post(JSON.stringify({ ...valid, [member]: value }));
        expect(answer.status, `${member} ${JSON.stringify(value)}`).to.equal(400);
        const { errors } = answer.json<{ errors: { pointer: string }[] }>();
        expect(errors.map(({ pointer }) => pointer)).to.deep.equal([`#/${member}`]);
      }
    }
  });

  it('SEC-92 members that nobody knows are 400, so that nothing is assigned by accident', async () => {
    const user = await createUser(app);
    await login(browser, user);
    for (const member of [
      'roles',
      'id',
      'sub',
      'email',
      'email_verified',
      'isSuperuser',
      'created_at',
      'disabled_at',
    ]) {
      const json = { name: 'Changed', [member]: 'superuser' };
      const patched = await browser.request('/auth/me', { method: 'PATCH', json });
      expect(patched.status, member).to.equal(400);
      const email = `b-${randomUUID()}@example.com`;
      const registered = await browser.request('/auth/register', {
        json: { password: PASSWORD, email, [member === 'email' ? 'roles' : member]: 'superuser' },
      });
      expect(registered.status, member).to.equal(400);
    }
    expect((await browser.request('/auth/me')).json()).to.deep.include({
      name: 'Test Person',
      roles: [],
    });
  });

  it('SEC-91 texts that break stores, logs or pages are refused, and none is a 500', async () => {
    await login(browser, await createUser(app));
    const texts = {
      NUL: 'a\u0000b',
      'line break': 'a\r\nSet-Cookie: x=y',
      escape: 'a\u001b[31mb',
      'lone surrogate': 'a\ud800b',
      'right-to-left override': 'a\u202eb',
      '10,000 combining marks': `a${'\u0301'.repeat(10_000)}`,
      'too long': 'x'.repeat(201),
    };
    for (const [name, text] of Object.entries(texts)) {
      const patched = await browser.request('/auth/me', { method: 'PATCH', json: { name: text } });
      expect(patched.status, `name: ${name}`).to.equal(400);
      const email = await browser.request('/auth/register', {
        json: { email: `${text}@example.com`, password: PASSWORD },
      });
      expect(email.status, `email: ${name}`).to.equal(400);
      const signedIn = await app.browser().request('/auth/login', {
        json: { email: `${text}@example.com`, password: text.slice(0, 900) },
      });
      expect(signedIn.status, `login: ${name}`).to.be.oneOf([400, 401]);
      const header = await rawRequest(app, [
        `GET ${basePath(app)}/auth/me HTTP/1.1`,
        'Host: x',
        `User-Agent: ${text.replace(/[\r\n\0]/g, ' ').slice(0, 8000)}`,
      ]);
      expect(header.status, `header: ${name}`).to.be.oneOf([400, 401]);
    }
  });

  it('SEC-92 errors are RFC 9457 problems without a word about the inside', async () => {
    const answers = [
      await post('{"email":'),
      await post(JSON.stringify({ email: "x' OR 1=1 --", password: 'x' })),
      await post(jsonOf(LIMIT + 1)),
      await browser.request('/auth/nothing'),
      await browser.request('/auth/me', { headers: { authorization: 'Bearer x' } }),
    ];
    for (const answer of answers) {
      const problem = answer.json();
      expect(problem['status']).to.equal(answer.status);
      expect(problem['type']).to.match(/^urn:problem:[\w-]+:[\w-]+$/);
      expect(Object.keys(problem)).to.include.members(['type', 'title', 'status', 'instance']);
      expect(answer.text).not.to.match(
        /stack|node_modules|at \w+|sequelize|SyntaxError|position \d+/i,
      );
    }
  });
});
