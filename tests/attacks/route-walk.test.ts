/** Every route of the router, called by everybody who must not get through. */
import { expect } from 'chai';
import type { Clock } from '../../src/kernel/clock.ts';
import type { Route } from '../../src/kernel/route.ts';
import { systemClock } from '../../src/system.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { resign } from './forged-token.ts';
import { callRoute, registeredRoutes } from './registered-routes.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

describe('SEC-76 Keycloak CVE-2024-3656: a walk over the router', () => {
  let app: TestApp;
  let routes: readonly Route[];
  let late = 0;

  before(async () => {
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + late };
    app = await startTestApp({ clock });
    ({ routes } = registeredRoutes(app));
  });
  after(() => app.close());
  beforeEach(() => {
    late = 0;
  });

  const ruled = (kind: string): readonly Route[] =>
    routes.filter(({ access }) => access.kind === kind);

  const nameOf = ({ method, path }: Pick<Route, 'method' | 'path'>): string =>
    `${method.toUpperCase()} ${path}`;

  const tokenOf = async (roles: readonly string[] = []): Promise<string> => {
    const browser = await signedInBrowser(app, await createUser(app, roles));
    return (await browser.cookie('authsrv-access')) ?? '';
  };

  /** Status and problem of each call. */
  async function walk(of: readonly Route[], headers: Record<string, string>) {
    const answers: Record<string, string> = {};
    for (const route of of) {
      const { status, text } = await callRoute(app, route, headers);
      const type = text.startsWith('{') ? String(JSON.parse(text).type) : '';
      answers[nameOf(route)] = `${status} ${type.replace('urn:problem:', '')}`.trim();
    }
    return answers;
  }

  const each = (of: readonly Route[], answer: string): Record<string, string> =>
    Object.fromEntries(of.map((route) => [nameOf(route), answer]));

  it('finds routes of every kind', () => {
    for (const kind of ['public', 'user', 'role'])
      expect(ruled(kind), kind).to.not.have.lengthOf(0);
  });

  it('plain users are refused where a role is needed, by cookie and by Bearer', async () => {
    const token = await tokenOf();
    const refused = each(ruled('role'), '403 http:forbidden');
    expect(await walk(ruled('role'), { authorization: `Bearer ${token}` })).to.deep.equal(refused);
    expect(await walk(ruled('role'), { cookie: `authsrv-access=${token}` })).to.deep.equal(refused);
  });

  it('other roles do not help', async () => {
    const headers = {
      authorization: `Bearer ${await tokenOf(['super-user', 'admin', 'operator'])}`,
    };
    expect(await walk(ruled('role'), headers)).to.deep.equal(
      each(ruled('role'), '403 http:forbidden'),
    );
  });

  it('a role that is only in the token does not help', async () => {
    const forged = await resign(app, await tokenOf(), { claims: { roles: ['superuser'] } });
    const headers = { authorization: `Bearer ${forged}` };
    expect(await walk(ruled('role'), headers)).to.deep.equal(
      each(ruled('role'), '403 http:forbidden'),
    );
  });

  it('tokens bound to a key (DPoP) are refused as Bearer, whoever has them', async () => {
    const guarded = routes.filter(({ access }) => access.kind !== 'public');
    const bound = await resign(app, await tokenOf(['superuser']), {
      claims: { cnf: { jkt: 'x' } },
    });
    for (const headers of [
      { authorization: `Bearer ${bound}` },
      { cookie: `authsrv-access=${bound}` },
    ]) {
      expect(await walk(guarded, headers)).to.deep.equal(each(guarded, '401 http:unauthenticated'));
    }
  });

  it('superusers who signed in long ago are refused where the sign-in must be recent', async () => {
    const recent = routes.filter(({ access }) => 'recent' in access);
    expect(recent.map(nameOf)).to.include('POST /roles');
    const headers = { authorization: `Bearer ${await tokenOf(['superuser'])}` };
    late = 301_000;
    expect(await walk(recent, headers)).to.deep.equal(
      each(recent, '403 http:reauthentication-required'),
    );
  });

  it('every change under /users and /roles asks for a recent sign-in (SEC-82)', () => {
    for (const route of ruled('role')) {
      if (route.method !== 'get') expect(route.access, nameOf(route)).to.include({ recent: true });
    }
  });

  it('a method that no route states is 405, or a page', async () => {
    const { pages } = registeredRoutes(app);
    const stated = new Set([...routes, ...pages].map(nameOf));
    const headers = { authorization: `Bearer ${await tokenOf(['superuser'])}` };
    for (const path of new Set(routes.map((route) => route.path))) {
      for (const method of METHODS.filter((one) => !stated.has(`${one} ${path}`))) {
        const other = { method: method.toLowerCase() as Route['method'], path };
        const { status, headers: answered } = await callRoute(app, other, headers);
        expect(status, nameOf(other)).to.equal(405);
        expect(answered.get('allow')).to.be.a('string');
      }
    }
  });

  it('a path that only looks like one of a route is not found', async () => {
    const headers = { authorization: `Bearer ${await tokenOf(['superuser'])}` };
    for (const { path, method } of ruled('role')) {
      for (const detour of [`${path}/`, `/${path}`, path.toUpperCase(), `${path};x=1`]) {
        const answer = await callRoute(app, { method, path: detour }, headers);
        expect(answer.status, `${method} ${detour}`).to.be.oneOf([400, 404, 405]);
      }
    }
  });
});
