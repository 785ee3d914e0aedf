import { expect } from 'chai';
import request from 'supertest';
import { type FakeIssuer, startFakeIssuer } from './fake-issuer.ts';
import { type Listener, startRelyingParty } from './relying-party.ts';

describe('examples/relying-party session cookie', () => {
  let issuer: FakeIssuer;
  let app: Listener;

  beforeEach(async () => {
    issuer = await startFakeIssuer();
    app = startRelyingParty(issuer.issuer, () => undefined);
  });

  afterEach(() => issuer.close());

  /** Begins with `cookie`, finishes with what /sign-in made of it; resolves with the cookies of both. */
  const signInWith = async (cookie: string) => {
    const first = await request(app).get('/sign-in').set('Cookie', cookie).expect(303);
    const begun = cookiesOf(first.headers);
    const { searchParams } = new URL(first.headers['location'] ?? '');
    issuer.nonce = searchParams.get('nonce') ?? '';
    const query = { code: 'c', state: searchParams.get('state') };
    const second = await request(app).get('/callback').query(query).set('Cookie', begun);
    return { begun, finished: cookiesOf(second.headers) };
  };

  const cookiesOf = (headers: Readonly<Record<string, unknown>>): string =>
    (headers['set-cookie'] as readonly string[]).map((one) => one.split(';')[0]).join('; ');

  const isKnown = async (cookie: string): Promise<boolean> =>
    (await request(app).get('/').set('Cookie', cookie)).text.includes('You are signed in as');

  it('is out of reach of scripts and of other sites', async () => {
    const { headers } = await request(app).get('/sign-in');
    for (const cookie of headers['set-cookie'] as unknown as string[]) {
      expect(cookie)
        .to.match(/; httponly/i)
        .and.match(/; samesite=lax/i);
    }
  });

  it('holds a new id after sign-in', async () => {
    const { begun, finished } = await signInWith('');
    expect([await isKnown(begun), await isKnown(finished)]).to.deep.equal([false, true]);
  });

  it('of before is dead when somebody signs in again', async () => {
    const before = (await signInWith('')).finished;
    const { finished } = await signInWith(before);
    expect([await isKnown(before), await isKnown(finished)]).to.deep.equal([false, true]);
  });

  it('counts only with its signature', async () => {
    const { finished } = await signInWith('');
    expect(await isKnown(finished.split('; ')[0] ?? '')).to.equal(false);
  });
});
