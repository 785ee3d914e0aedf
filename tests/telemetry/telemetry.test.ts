/** Traces, metrics and reports of a whole server, at real endpoints. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { z } from 'zod';
import { definePlugin } from '../../src/kernel/plugin.ts';
import { access, defineRoute } from '../../src/kernel/route.ts';
import { type CollectedSpan, type Collector, startCollector } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { createRecordingLog } from '../support/log.ts';
import { causeEvents, metricsUrl, readMetrics } from '../support/metrics.ts';
import { createUser, login, PASSWORD } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import {
  startTestApp,
  storeKinds,
  type TestApp,
  type TestAppOptions,
} from '../support/test-app.ts';

/** A fault that nobody expected, which quotes what was sent. */
const broken = definePlugin({
  name: 'broken',
  kernel: 1,
  settings: z.object({}),
  setup: () => ({
    gauges: [false, true].map((grows) => ({
      name: `broken_${grows ? 'total' : 'now'}`,
      summary: 'Cannot be read',
      grows,
      read: () => {
        throw new Error('nobody knows');
      },
    })),
    routes: [
      defineRoute({
        method: 'get',
        path: '/broken',
        access: access.public,
        summary: 'Breaks',
        query: z.object({ word: z.string() }),
        success: { status: 204 },
        problems: [],
        handle: async ({ query }) => {
          throw new TypeError(`cannot read "${query.word}" of ${query.word}@example.com`, {
            cause: new Error(`invalid token ${query.word}-${query.word}`),
          });
        },
      }),
    ],
  }),
});

const store = storeKinds.at(-1) ?? 'postgres';

describe('telemetry', function () {
  this.timeout(30_000);
  let collector: Collector;
  let app: TestApp;
  const log = createRecordingLog();

  const start = (settings: TestAppOptions['settings'] = {}) =>
    startTestApp({
      store,
      log,
      plugins: [broken],
      settings: {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        SENTRY_DSN: collector.dsn,
        ...settings,
      },
    });

  before(async () => {
    collector = await startCollector();
    app = await start();
  });
  after(async () => {
    await app?.close();
    await collector?.close();
  });

  const rootOf = (name: string): CollectedSpan => {
    const root = collector.spans.findLast((span) => span.name === name);
    if (!root) throw new Error(`no span ${name}: ${collector.spans.map((one) => one.name).join()}`);
    return root;
  };
  const traceOf = ({ traceId }: CollectedSpan) =>
    collector.spans.filter((span) => span.traceId === traceId);

  describe('traces', () => {
    it('one trace shows request, route, hashing, PostgreSQL and the state store of a login', async () => {
      const user = await createUser(app);
      await login(app.browser(), user);
      await eventually(() => {
        const root = rootOf('POST /auth/login');
        expect(root.attributes['http.route']).to.equal('/auth/login');
        const trace = traceOf(root);
        const kinds = new Set(
          trace.map(({ name }) => name.replace(/^(postgresql|state_store) .*/, '$1')),
        );
        const wanted = ['hash password', 'sign access token', 'postgresql', 'state_store'];
        expect([...kinds]).to.include.members(wanted);
        const systems = new Set(trace.map(({ attributes }) => attributes['db.system.name']));
        expect([...systems]).to.include(store === 'redis' ? 'redis' : 'postgresql');
        const ids = trace.map(({ spanId }) => spanId);
        const parents = trace
          .filter((span) => span !== root)
          .map(({ parentSpanId }) => parentSpanId);
        expect(ids).to.include.members(parents);
      });
    });

    it('a token request, too, shows the token that is made, and every span the service', async () => {
      const rp = await createRelyingParty(app);
      const browser = app.browser();
      await login(browser, await createUser(app));
      await rp.redeem(codeOf(await rp.authorize(browser)));
      await eventually(() => {
        const root = rootOf('POST /oidc/token');
        const trace = traceOf(root);
        expect(trace.map(({ name }) => name)).to.include('sign access token');
        const services = new Set(trace.map(({ resource }) => resource['service.name']));
        expect([...services]).to.deep.equal(['auth-service']);
      });
    });

    it('goes on with the trace of the caller, and names it in problems and log lines', async () => {
      const traceId = randomUUID().replaceAll('-', '');
      const answer = await app.browser().request('/auth/login', {
        json: { email: 'nobody@example.com', password: PASSWORD },
        headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
      });
      expect(answer.json()).to.include({ trace_id: traceId });
      const line = log.entries.find(
        ({ fields }) => (fields as { trace_id?: string }).trace_id === traceId,
      );
      expect(line?.fields).to.have.property('request_id');
      await eventually(() => expect(rootOf('POST /auth/login').traceId).to.equal(traceId));
    });

    for (const traceparent of ['', 'x', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, '00-1-2-3']) {
      it(`begins a trace of its own for traceparent ${JSON.stringify(traceparent)}`, async () => {
        const answer = await app.browser().request('/auth/me', { headers: { traceparent } });
        expect(answer.json()['trace_id']).to.match(/^(?!0{32})[0-9a-f]{32}$/);
      });
    }

    it('are as many as OTEL_TRACES_SAMPLER_ARG says, whatever a client asks for', async () => {
      const quiet = await start({ OTEL_TRACES_SAMPLER_ARG: '0' });
      const traceId = randomUUID().replaceAll('-', '');
      await quiet.browser().request('/auth/me', {
        headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
      });
      await quiet.close();
      expect(collector.spans.map((span) => span.traceId)).not.to.include(traceId);
    });
  });

  describe('reports', () => {
    it('SEC-94: an unexpected error arrives with request and trace, and without what was sent', async () => {
      const word = `CANARY${randomUUID()}`;
      const answer = await app.browser().request(`/broken?word=${word}`);
      expect(answer.status).to.equal(500);
      expect(answer.text).not.to.include('CANARY').and.not.include('TypeError');
      await eventually(() => {
        const [report = {}] = collector.reports;
        expect(report['tags']).to.include({ request_id: answer.headers.get('x-request-id') });
        expect(report).to.have.nested.property(
          'contexts.trace.trace_id',
          answer.json()['trace_id'],
        );
        const { values } = report['exception'] as {
          values: { type: string; stacktrace: { frames: { filename?: string }[] } }[];
        };
        expect(values.map(({ type }) => type)).to.deep.equal(['Error', 'TypeError']);
        expect(JSON.stringify(values)).to.include('telemetry.test.ts');
        expect(JSON.stringify(report)).not.to.include('CANARY');
      });
    });

    it('are not made of refusals', async () => {
      const before = collector.reports.length;
      await app.browser().request('/auth/me');
      await app.browser().request('/nowhere');
      await app.browser().request('/broken?word=marker');
      await eventually(() => expect(collector.reports.length).to.equal(before + 1));
    });
  });

  describe('metrics', () => {
    const sample = async (pattern: RegExp, from = app): Promise<number> =>
      Number(pattern.exec(await readMetrics(from))?.[1] ?? 0);

    it('count requests by route, logins and tokens by outcome, and measure stores and the queue', async () => {
      const { user, machine } = await causeEvents(app);
      await machine.token({ grant_type: 'refresh_token', refresh_token: 'x' });
      await app.browser().request(`/users/${randomUUID()}`);
      const some = [
        /^auth_http_request_seconds_count\{route="\/auth\/login",method="POST",status="200"\} (\d+)/m,
        /^auth_http_request_seconds_count\{route="\/auth\/login",method="POST",status="401"\} (\d+)/m,
        /^auth_events_total\{event="session.started"\} (\d+)/m,
        /^auth_events_total\{event="login.refused"\} (\d+)/m,
        /^auth_tokens_total\{grant_type="client_credentials",outcome="issued"\} (\d+)/m,
        /^auth_tokens_total\{grant_type="refresh_token",outcome="(?!issued)\w+"\} (\d+)/m,
        /^auth_store_seconds_count\{store="postgresql",operation="[\w-]+",outcome="ok"\} (\d+)/m,
        /^auth_store_seconds_count\{store="state_store",operation="\w+",outcome="ok"\} (\d+)/m,
      ];
      for (const pattern of some) expect(await sample(pattern), `${pattern}`).to.be.greaterThan(0);
      const text = await readMetrics(app);
      expect(text)
        .to.match(/^auth_hashes_waiting 0$/m)
        .and.match(/^auth_hashes_running 0$/m)
        .and.match(/^auth_database_connections_max 10$/m)
        .and.match(/^auth_database_connections_open [1-9]\d*$/m)
        .and.match(/^auth_database_connections_busy \d+$/m)
        .and.match(/^auth_database_waiting 0$/m)
        .and.match(/^nodejs_eventloop_lag_seconds/m);
      // No label names anybody or anything: paths, ids and addresses would be without end.
      expect(text).not.to.include(user.id).and.not.include('@example.com');
    });

    it('leave out what a plugin cannot tell, and say so once', async () => {
      for (let look = 0; look < 2; look += 1) {
        const text = await readMetrics(app);
        expect(text).to.match(/^auth_hashes_waiting 0$/m);
      }
      const told = log.entries.filter(
        ({ fields }) => (fields as { event?: string }).event === 'gauge.failed',
      );
      expect(told.map(({ fields }) => (fields as { gauge?: string }).gauge)).to.have.members([
        'broken_now',
        'broken_total',
      ]);
    });

    it('are for this machine, or for whoever has the token', async () => {
      const read = (from: TestApp, headers = {}) =>
        from.browser().request(metricsUrl(from), { headers });
      expect((await read(app, { 'x-forwarded-for': '198.18.0.1' })).status).to.equal(404);
      const token = 'a-token-for-prometheus';
      const guarded = await start({ METRICS_TOKEN: token });
      try {
        expect((await read(guarded)).status).to.equal(404);
        expect((await read(guarded, { authorization: 'Bearer x' })).status).to.equal(404);
        const { status } = await read(guarded, { authorization: `Bearer ${token}` });
        expect(status).to.equal(200);
      } finally {
        await guarded.close();
      }
    });
  });

  for (const mode of ['hang', 'fail'] as const) {
    it(`endpoints that do "${mode}" change no answer, and no stop takes long`, async () => {
      collector.mode = mode;
      const node = await start();
      try {
        const user = await createUser(node);
        expect((await login(node.browser(), user)).status).to.equal(200);
        for (let count = 0; count < 50; count += 1) {
          expect((await node.browser().request('/broken?word=x')).status).to.equal(500);
        }
      } finally {
        const started = performance.now();
        await node.close();
        expect(performance.now() - started).to.be.lessThan(10_000);
        collector.mode = 'take';
      }
    });
  }
});
