/**
 * What a plugin may rely on, and what it cannot do to the others: cases for every member of `Contributions`. A member
 * without any does not compile.
 */
import path from 'node:path';
import { mock } from 'node:test';
import { expect } from 'chai';
import { guardLimiter } from '../../src/guard-plugins.ts';
import {
  type Contributions,
  type Plugin,
  type PluginContext,
  PluginError,
} from '../../src/kernel/plugin.ts';
import { createRegistry } from '../../src/kernel/registry.ts';
import type { RateClass } from '../../src/kernel/route.ts';
import { defineService, provide } from '../../src/kernel/service.ts';
import type { Transaction } from '../../src/kernel/store.ts';
import { collectClaims } from '../../src/oidc/claims.ts';
import { stopPlugins } from '../../src/stop-plugins.ts';
import { startTasks } from '../../src/tasks.ts';
import {
  adapter,
  claims,
  failureOf,
  page,
  plugin,
  prompt,
  route,
  shared,
} from '../kernel/test-plugin.ts';
import { createPluginContext } from '../plugins/plugin-context.ts';
import { type Browser, forms } from '../support/browser.ts';
import { anyAddress, countOf, startLimitedApp } from '../support/limited-app.ts';
import { createRecordingLog } from '../support/log.ts';
import { createUser } from '../support/people.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { createThrowing, loosePrompt, overlapping } from './odd-plugins.ts';

type Cases = { readonly [Member in keyof Required<Contributions>]: () => void };

const throwsAtOnce = (): never => {
  throw new Error('at once');
};

const expectAccepted = (added: Contributions): void => {
  expect(() => createRegistry([plugin('one', added)], shared, {})).not.to.throw();
};

/** Refused of two plugins, whichever comes first, with the names of both. */
function expectRefused(one: Contributions, two: Contributions, what: string): void {
  expectAccepted(one);
  expectAccepted(two);
  const both = [plugin('one', one), plugin('two', two)];
  for (const plugins of [both, both.toReversed()]) {
    const error = failureOf(plugins);
    expect(error).to.be.instanceOf(PluginError);
    expect(error.message).to.include('"one"').and.include('"two"').and.include(what);
  }
}

const USER = { id: 'an-id', email: 'ana@example.com' };
const TRANSACTION = {} as Transaction;

type Told = Pick<PluginContext<unknown>, 'userData' | 'credentialsChanged' | 'afterRestore'>;

/** What a plugin is given by the registry to tell the others, which add this. */
function given(...added: readonly Contributions[]) {
  const log = createRecordingLog();
  const contexts: Told[] = [];
  const setup: Plugin['setup'] = (context) => {
    contexts.push(context);
    return {};
  };
  const others = added.map((one, at) => plugin(`plugin-${at}`, one));
  createRegistry([plugin('asking', {}, { setup }), ...others], { ...shared, log }, {});
  const [context] = contexts;
  if (!context) throw new Error('nothing was set up');
  return { ...context, log };
}

/** The message of what it fails with. */
const failure = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: Error) => error.message,
  );

/** Of the core, and of no plugin. */
function expectCores(added: Contributions, what: string): void {
  const { message } = failureOf([plugin('evil', added)]);
  expect(message).to.equal(`Plugins "core" and "evil" both claim the ${what}`);
}

describe('the plugin contract', function () {
  this.timeout(20_000);
  const log = createRecordingLog();
  const { throwing, heard, state } = createThrowing();
  let app: TestApp;
  let rp: RelyingParty;

  before(async () => {
    app = await startLimitedApp({
      log,
      plugins: [plugin('terms', { prompts: [loosePrompt] }), overlapping, throwing],
      settings: { PLUGINS_DISABLED: 'request-id', RATE_LIMIT_SIGN_IN: '3/0.001' },
    });
    rp = await createRelyingParty(app);
  });
  after(() => app?.close());
  afterEach(() => mock.timers.reset());

  const eventsLogged = (event: string): object[] =>
    log.entries.map(({ fields }) => fields as { event?: string }).filter((f) => f.event === event);

  /** Posts to a step of an interaction, each time as a form that its page has sent. */
  const posts = async (browser: Browser, url: string, times: number, form: object) => {
    const ip = anyAddress();
    const answers = [];
    for (let time = 0; time < times; time += 1) {
      const headers = { 'sec-fetch-site': 'same-origin', 'x-forwarded-for': ip };
      answers.push(await browser.request(url, { form: { ...form }, headers }));
    }
    return answers;
  };

  /** For another server on the same database. */
  const there = () => ({ database: app.database, settings: app.options.settings ?? {} });

  const cases: Cases = {
    provides() {
      it('services have one owner, and are used by whoever depends on it', () => {
        const Greeter = defineService<string>('greeter');
        const provides = [provide(Greeter, 'hello')];
        expectRefused({ provides }, { provides }, 'both claim the service "greeter"');
        const asking = (dependsOn: string[]): Plugin =>
          plugin('asking', {}, { dependsOn, setup: ({ use }) => (use(Greeter) ? {} : {}) });
        const owner = plugin('owner', { provides });
        expect(failureOf([owner, asking([])]).message).to.include('does not depend on "owner"');
        expect(() => createRegistry([owner, asking(['owner'])], shared, {})).not.to.throw();
      });

      it('C15 those that the core needs are looked for before anything starts, whoever may provide them', async () => {
        const calls: string[] = [];
        const first = plugin('first', { start: async () => void calls.push('started') });
        const settings = {
          ...there().settings,
          PLUGINS: path.join(import.meta.dirname, '../../examples/plugin-hello/index.ts'),
          PLUGINS_DISABLED: 'keys',
        };
        const failed = await failure(startTestApp({ ...there(), settings, plugins: [first] }));
        expect(failed).to.include('uses the service "keys", which no plugin provides');
        expect(failed).to.include('PLUGINS_DISABLED');
        expect(calls).to.deep.equal([]);
      });
    },

    routes() {
      const OVERLAPS: readonly [one: string, two: string][] = [
        ['/users/search', '/users/:id'],
        ['/users/:id/roles', '/users/me/:what'],
        ['/users/:id', '/Users/Search/'],
        ['/users/s%65arch', '/users/search'],
        ['/users/caf%C3%A9', '/users/café'],
        ['/files/*path', '/files/a/b/c'],
        ['/files/x{/:name}', '/files/x'],
        ['/files/x{/:name}', '/files/x/y'],
        ['/files/:name.pdf', '/files/report.pdf'],
        ['/files/:name.pdf', '/files/:id'],
        ['/files/:a-:b', '/files/:id'],
      ];
      for (const [one, two] of OVERLAPS) {
        it(`C12 SEC-96 ${one} and ${two} of two plugins are refused: one request may match both`, () => {
          const of = (path: string) => ({ routes: [route('get', path)] });
          expectRefused(of(one), of(two), 'both claim the route');
          expectRefused(of(one), { pages: [page('get', two)] }, 'both claim the route');
        });
      }

      it('C12 routes that no request can confuse are accepted', () => {
        const paths = ['/users/:id', '/users', '/users/:id/roles', '/user/search', '/files/*path'];
        const plugins = paths.map((path, at) => plugin(`p${at}`, { routes: [route('get', path)] }));
        plugins.push(plugin('poster', { routes: [route('post', '/users/search')] }));
        expect(() => createRegistry(plugins, shared, {})).not.to.throw();
      });

      it('C12 of one plugin the more specific route answers, wherever the two are written', async () => {
        const by = async (path: string, method = 'GET') => {
          const { status, text } = await app.browser().request(path, { method });
          return status === 200 && text ? (JSON.parse(text) as { by: string }).by : status;
        };
        const paths = ['/one/special', '/two/special', '/one/other', '/two/other', '/deep/b/end'];
        expect(await Promise.all(paths.map((path) => by(path)))).to.deep.equal([
          'text',
          'text',
          'parameter',
          'parameter',
          'text',
        ]);
        expect(await by('/one/special', 'HEAD')).to.equal(200);
      });

      it('C7 a handler that throws at once, or answers nothing, fails alone', async () => {
        const ends = ['throws', 'undefined', 'well'].map(async (how) => {
          const { status } = await app.browser().request(`/odd/${how}`, { method: 'POST' });
          return status;
        });
        expect(await Promise.all(ends)).to.deep.equal([500, 500, 204]);
      });
    },

    pages() {
      it('C12 a page and a route of one plugin are told apart, or refused', async () => {
        const confused = { pages: [page('get', '/x/:id')], routes: [route('get', '/x/special')] };
        expect(failureOf([plugin('one', confused)]).message).to.include('GET /x/special');
        const json = await app.browser().request('/both/1', { json: {} });
        expect(json.json()).to.deep.equal({ by: 'JSON' });
        const browser = app.browser();
        const shown = await browser.request('/both/1');
        const form = { _csrf: shown.location?.searchParams.get('csrf') ?? '' };
        const headers = { 'sec-fetch-site': 'same-origin' };
        const sent = await browser.request('/both/1', { form, headers });
        expect(sent.location?.pathname).to.equal('/form/1');
      });

      it('C7 a page that throws at once is an error page', async () => {
        const { status, headers } = await app.browser().request('/odd');
        expect(status).to.equal(500);
        expect(headers.get('content-type')).to.match(/^text\/html/);
      });
    },

    prompts() {
      it('have one owner, and limit only actions that they have', () => {
        const prompts = [prompt('mfa')];
        expectRefused({ prompts }, { prompts }, 'both claim the prompt "mfa"');
        expectCores({ prompts: [prompt('none')] }, 'prompt "none"');
        const slip = { ...prompt('mfa'), rateLimits: { verfiy: 'sign-in' as const } };
        expect(failureOf([plugin('one', { prompts: [slip] })]).message).to.include(
          'the prompt "mfa" limits the action "verfiy", which it does not have',
        );
      });

      it('C4 SEC-17 an action keeps the limit of its prompt, whatever another prompt says of one with its name', async () => {
        const { email } = await createUser(app);
        const browser = app.browser();
        const shown = await rp.authorize(browser);
        const [{ action = '', fields = {} } = {}] = forms(shown);
        const wrong = { ...fields, email, password: 'not the password at all' };
        const answers = await posts(browser, action, 12, wrong);
        expect(countOf(answers, 429)).to.equal(9);
        expect(answers[3]?.headers.get('ratelimit-policy')).to.include('"sign-in";q=3');
      });

      it('C4 and the other prompt keeps its own', async () => {
        const browser = app.browser();
        const asked = await browser.request(rp.authorizationUrl({ prompt: 'terms' }));
        const shown = await browser.request(asked.location?.href ?? '');
        const { pathname = '', searchParams } = shown.location ?? {};
        const answers = await posts(browser, pathname, 5, {
          _csrf: searchParams?.get('csrf') ?? '',
        });
        expect(answers.map(({ status }) => status)).to.deep.equal(Array(5).fill(303));
        expect(answers[4]?.headers.get('ratelimit-policy')).to.include('"write"');
      });

      it('C4 a form without an interaction is refused, and counted', async () => {
        const url = '/interaction/nowhere/login';
        const answers = await posts(app.browser(), url, 2, { _csrf: 'x' });
        expect(countOf(answers, 303)).to.equal(0);
        expect(answers[1]?.headers.get('ratelimit-policy')).to.include('"write"');
      });
    },

    grants() {
      it('have one owner; those of the core are not replaced', () => {
        const grants = { 'urn:example:grant': async () => {} };
        expectRefused({ grants }, { grants }, 'both claim the grant "urn:example:grant"');
        for (const name of ['authorization_code', 'refresh_token', 'client_credentials'])
          expectCores({ grants: { [name]: async () => {} } }, `grant "${name}"`);
      });
    },

    claims() {
      it('have one owner', () => {
        expectRefused(claims('tier'), claims('a', 'tier'), 'both claim the claim "tier"');
        expectCores(claims('sub'), 'claim "sub"');
      });

      for (const [how, answer] of Object.entries({
        'throws at once': throwsAtOnce,
        'answers nothing': async () => undefined as never,
        'answers what is no promise': () => ({ tier: 1, stranger: 2 }) as never,
      })) {
        it(`C7 a source that ${how} makes no token, and is named`, async () => {
          const source = { names: ['tier'], in: ['access_token'] as const, claims: answer };
          const subject = { userId: 'u', clientId: 'c', scopes: new Set<string>() };
          const failure = await collectClaims([{ plugin: 'odd', source }], 'access_token', subject)
            .then(() => undefined)
            .catch((error: Error) => error.message);
          expect(failure).to.equal('the claims of plugin odd failed');
        });
      }
    },

    accounts() {
      it('come from one plugin', () => {
        const accounts = { find: async () => undefined };
        expectRefused({ accounts }, { accounts }, 'both claim the contribution "accounts"');
      });
    },

    limiter() {
      const guarded = (spend: () => unknown, spendHere?: () => never) =>
        guardLimiter({ plugin: 'odd', value: { problems: [], spend, spendHere } as never }, log, 5);

      it('is one', () => {
        const limiter = { problems: [], spend: async () => ({}) };
        expectRefused({ limiter }, { limiter }, 'both claim the contribution "limiter"');
      });

      for (const [how, spend] of Object.entries({
        'throws at once': throwsAtOnce,
        rejects: () => Promise.reject(new Error('later')),
        hangs: () => new Promise(() => undefined),
      })) {
        it(`C7 one that ${how} lets no call through uncounted: 503`, async () => {
          const failure = await guarded(spend)
            .spend('read' satisfies RateClass, { ip: '198.18.0.1' })
            .catch((error: { problem?: { status: number } }) => error.problem?.status);
          expect(failure).to.equal(503);
        });
      }

      it('C7 one that cannot count what costs nothing lets it through, and is named once', () => {
        const limiter = guarded(throwsAtOnce, throwsAtOnce);
        for (let call = 0; call < 3; call += 1)
          expect(limiter.spendHere?.('198.18.0.1')).to.equal(undefined);
        expect(eventsLogged('limiter.failed')).to.have.length(1);
      });
    },

    requestIds() {
      it('come from one plugin', () => {
        const requestIds = () => 'an-id';
        expectRefused({ requestIds }, { requestIds }, 'both claim the contribution "requestIds"');
      });

      it('C7 one that throws, or answers what no header can carry, costs nobody their answer', async () => {
        const get = async (id: string, path: string) => {
          const answer = await app.browser().request(path, { headers: { 'x-request-id': id } });
          return [answer.status, answer.headers.get('x-request-id')];
        };
        const paths = ['/health/live', '/.well-known/jwks.json', '/one/special'];
        // Documents are kept from their first answer on, and then sent ahead of the app.
        for (const path of paths) expect(await get('mine', path)).to.deep.equal([200, 'mine']);
        const UUID = /^[0-9a-f-]{36}$/;
        for (const path of paths) {
          state.throws = true;
          const [status, id] = await get('mine', path).finally(() => {
            state.throws = false;
          });
          expect([status, UUID.test(String(id))], path).to.deep.equal([200, true]);
          const [, long] = await get('x'.repeat(300), path);
          expect(String(long), path).to.match(UUID);
        }
        expect(eventsLogged('request_id.failed')[0]).to.include({ plugin: 'throwing' });
      });
    },

    oidcModels() {
      it('have one owner; those that the core keeps are not taken silently', () => {
        const oidcModels = { DeviceCode: adapter };
        expectRefused({ oidcModels }, { oidcModels }, 'both claim the model "DeviceCode"');
        for (const name of ['Session', 'AccessToken', 'Interaction'])
          expectCores({ oidcModels: { [name]: adapter } }, `model "${name}"`);
      });
    },

    listeners() {
      it('C7 one that throws at once or rejects is named; the others hear, and so does the caller', async () => {
        heard.length = 0;
        const { status } = await app.browser().request('/odd/ada', { method: 'POST' });
        expect(status).to.equal(204);
        await app.app.idle();
        expect(heard).to.include('ada');
        const faults = eventsLogged('listener.failed') as { plugin: string; on: string }[];
        expect(faults.length).to.be.at.least(2);
        for (const fault of faults)
          expect(fault).to.include({ plugin: 'throwing', on: 'odd.knocked' });
      });
    },

    exportUser() {
      it('sections have one owner', () => {
        const exportUser = { cats: async () => [] };
        expectRefused({ exportUser }, { exportUser }, 'both claim the section "cats"');
      });

      it('C7 a section that throws at once fails the export: part of it would pass for all', async () => {
        const { userData } = given({ exportUser: { cats: async () => 1, dogs: throwsAtOnce } });
        expect(await failure(userData.export(USER))).to.equal('at once');
      });
    },

    eraseUser() {
      it('C7 one that throws at once fails the transaction', async () => {
        const { userData } = given({ eraseUser: throwsAtOnce });
        expect(await failure(userData.erase(USER, TRANSACTION))).to.equal('at once');
      });
    },

    eraseUserInBatches() {
      it('C7 one that throws at once fails the deletion', async () => {
        const { userData } = given({ eraseUserInBatches: throwsAtOnce });
        expect(await failure(userData.erase(USER, TRANSACTION))).to.equal('at once');
      });
    },

    credentialsChanged() {
      it('C7 one that throws at once fails the transaction', async () => {
        const { credentialsChanged } = given({ credentialsChanged: throwsAtOnce });
        const change = { userId: USER.id, by: 'password-reset' } as const;
        expect(await failure(credentialsChanged(change, TRANSACTION))).to.equal('at once');
      });
    },

    afterRestore() {
      it('C7 one that fails keeps no other from ending what was revived; the seal fails and names it', async () => {
        const ended: string[] = [];
        const ends = (name: string) => async () => void ended.push(name);
        const { afterRestore, log: told } = given(
          { afterRestore: ends('first') },
          { afterRestore: throwsAtOnce },
          { afterRestore: ends('last') },
        );
        expect(await failure(afterRestore())).to.equal('at once');
        expect(ended).to.deep.equal(['first', 'last']);
        const [{ fields } = { fields: {} }] = told.entries;
        expect(fields).to.include({ event: 'restore.failed', plugin: 'plugin-1' });
      });
    },

    diagnoses() {
      it('have names of their own; what becomes of one that fails is in doctor/checks.test.ts', () => {
        const diagnoses = [{ name: 'queue', check: async () => [] }];
        expectRefused({ diagnoses }, { diagnoses }, 'both claim the diagnosis "queue"');
        expectCores({ diagnoses: [{ name: 'redis', check: async () => [] }] }, 'diagnosis "redis"');
      });
    },

    tasks() {
      const task = (run: () => Promise<void>, every = 1) => ({ name: 'sweep', every, run });

      it('have names of their own, and intervals that a timer can keep', () => {
        const tasks = [task(async () => undefined)];
        expectRefused({ tasks }, { tasks }, 'both claim the task "sweep"');
        for (const every of [0, -1, Number.NaN, 2_147_484, Number.POSITIVE_INFINITY]) {
          const odd = { tasks: [task(async () => undefined, every)] };
          expect(failureOf([plugin('one', odd)]).message).to.include('the task "sweep" must run');
        }
      });

      it('C7 one that throws at once runs again at its next turn', async () => {
        mock.timers.enable({ apis: ['setInterval'] });
        const told = createRecordingLog();
        const stop = startTasks([task(throwsAtOnce)], told);
        for (let turn = 0; turn < 3; turn += 1) {
          mock.timers.tick(1_000);
          await new Promise((resolve) => setImmediate(resolve));
        }
        await stop();
        const events = told.entries.map(({ fields }) => (fields as { event: string }).event);
        expect(events).to.deep.equal(['task.failed', 'task.failed', 'task.failed']);
      });
    },

    gauges() {
      const gauge = (name: string) => [{ name, summary: 'A number', read: () => 1 }];

      it('have names of their own; every name of the core at /metrics is the core’s', async () => {
        const gauges = gauge('queue_length');
        expectRefused({ gauges }, { gauges }, 'both claim the gauge "queue_length"');
        const { text } = await app.browser().request('/metrics');
        const shown = [...text.matchAll(/^# TYPE auth_(\w+) /gm)].map(([, name = '']) => name);
        const { db, store } = app.storage;
        const { context } = createPluginContext({ db, store, publicUrl: app.issuer });
        const oidc = { ...context.oidc, restClient: { id: 'rest', scope: 'account' } };
        const registry = createRegistry(app.app.plugins, { ...context, oidc }, {});
        const contributed = registry.all('gauges').flatMap(({ value }) => value);
        const taken = new Set(contributed.map(({ name }) => name));
        const core = shown.filter((name) => !taken.has(name));
        expect(core).to.include('http_request_seconds').and.include('requests_shed_total');
        for (const name of core) expectCores({ gauges: gauge(name) }, `gauge "${name}"`);
      });

      it('C7 one that answers no number, or a counter that falls, leaves out itself alone', async () => {
        const { status, text } = await app.browser().request('/metrics');
        expect(status).to.equal(200);
        expect(text).to.include('auth_odd_good 7').and.include('auth_odd_total 0');
        expect(text).not.to.match(/^auth_odd_text /m);
      });
    },

    start() {
      it('C10 one that fails half-way: what has begun is stopped, last first, and nothing goes on', async () => {
        const calls: string[] = [];
        const calling = (name: string) => async () => void calls.push(name);
        const plugins = [
          plugin('a', {
            start: calling('a.start'),
            stop: calling('a.stop'),
            tasks: [{ name: 'a', every: 0.001, run: calling('a.task') }],
          }),
          plugin('b', { stop: calling('b.stop') }),
          plugin('c', { start: throwsAtOnce, stop: calling('c.stop') }),
          plugin('d', { start: calling('d.start'), stop: calling('d.stop') }),
        ];
        const eventLoop = { milliseconds: () => 0, close: () => void calls.push('watcher closed') };
        const told = createRecordingLog();
        expect(await failure(startTestApp({ ...there(), plugins, eventLoop, log: told }))).to.equal(
          'at once',
        );
        expect(calls).to.deep.equal(['a.start', 'watcher closed', 'c.stop', 'b.stop', 'a.stop']);
        const failed = told.entries.find(({ level }) => level === 'error');
        expect(failed?.fields).to.include({ event: 'plugin.start_failed', plugin: 'c' });
      });

      it('C10 what fails after all have started has them stopped as well', async () => {
        const calls: string[] = [];
        const calling = (name: string) => async () => void calls.push(name);
        const plugins = [
          plugin('a', { start: calling('a.start'), stop: calling('a.stop') }),
          // Its names are read when oidc-provider is put together, which is after the starts.
          plugin('b', {
            claims: [{ names: 1 as never, in: ['account'], claims: async () => ({}) }],
          }),
        ];
        expect(await failure(startTestApp({ ...there(), plugins }))).to.be.a('string');
        expect(calls).to.deep.equal(['a.start', 'a.stop']);
      });

      it('C10 a set-up that fails starts nothing; one that answers a promise or what is unknown is refused', async () => {
        const calls: string[] = [];
        const first = plugin('first', { start: async () => void calls.push('first.start') });
        const setUpAs = (setup: () => unknown) => {
          const bad = plugin('bad', {}, { setup: setup as Plugin['setup'] });
          return failure(startTestApp({ ...there(), plugins: [first, bad] }));
        };
        expect(await setUpAs(throwsAtOnce)).to.equal('at once');
        expect(await setUpAs(async () => ({}))).to.include('"bad": setup must return what it adds');
        expect(await setUpAs(() => undefined)).to.include('"bad": setup must return what it adds');
        expect(await setUpAs(() => ({ route: [] }))).to.include('"bad" adds "route"');
        expect(calls).to.deep.equal([]);
      });
    },

    stop() {
      it('C10 one that throws at once, rejects or answers nothing keeps no other from stopping', async () => {
        const stopped: string[] = [];
        const told = createRecordingLog();
        const stops = {
          first: async () => void stopped.push('first'),
          throws: throwsAtOnce,
          rejects: () => Promise.reject(new Error('later')),
          plain: (() => void stopped.push('plain')) as unknown as () => Promise<void>,
        };
        const all = Object.entries(stops).map(([plugin, value]) => ({ plugin, value }));
        await stopPlugins(all, told, 5);
        expect(stopped).to.deep.equal(['plain', 'first']);
        const named = told.entries.map(({ fields }) => (fields as { plugin: string }).plugin);
        expect(named).to.deep.equal(['rejects', 'throws']);
      });
    },
  };

  for (const [member, define] of Object.entries(cases)) describe(member, define);
});
