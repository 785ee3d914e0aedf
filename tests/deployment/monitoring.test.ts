/** Alerts and the dashboard ask for nothing that `/metrics` of a server does not have. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { causeEvents, readMetrics } from '../support/metrics.ts';
import { startTestApp } from '../support/test-app.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../monitoring');
const read = (file: string) => readFile(path.join(FOLDER, file), 'utf8');

const OPTIONS = { cwd: FOLDER, encoding: 'utf8' } as const;

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly annotations: { readonly description: string };
    }[];
  }[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

const rules = async () =>
  (parse(await read('alerts.yml')) as Rules).groups.flatMap(({ rules: own }) => own);

async function expressions(): Promise<Record<string, string>> {
  const alerts = (await rules()).map(({ alert, expr }) => [alert, expr]);
  const { panels } = JSON.parse(await read('grafana/dashboards/auth-service.json')) as Dashboard;
  const shown = panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }, at) => [`${title} ${at}`, expr]),
  );
  return Object.fromEntries([...alerts, ...shown]) as Record<string, string>;
}

/** Prometheus adds these itself. */
const ADDED = ['job', 'instance', 'le'];

/** `/metrics` of a node that has signed somebody in and refused somebody. */
async function metricsOfServer(): Promise<string> {
  const app = await startTestApp();
  try {
    await causeEvents(app);
    await app.browser().request('/oidc/userinfo');
    await app.browser().request('/auth/refresh', { method: 'POST' });
    return await readMetrics(app);
  } finally {
    await app.close();
  }
}

/** Values that a matcher wants: one that no series has would never be seen. Errors come and go. */
const valuesOf = (label: string, value: string): string[] =>
  ['event', 'route', 'store'].includes(label) ? value.split('|') : [];

/** Faults of the matchers of one metric, against its samples. */
function faultsOfMatchers(matchers: string, samples: readonly string[]): string[] {
  const has = (text: string) => samples.some((line) => line.includes(text));
  return [...matchers.matchAll(/(\w+)=~?"([^"]*)"/g)]
    .filter(([, label = '']) => !ADDED.includes(label))
    .flatMap(([, label = '', value = '']) => [
      ...(has(`${label}="`) ? [] : [`no label ${label}`]),
      ...valuesOf(label, value).flatMap((one) => (has(`${label}="${one}"`) ? [] : [one])),
    ]);
}

/** Faults of an expression against what a server says; none is what we want. */
const faultsOf = (expr: string, metrics: string): string[] =>
  [...expr.matchAll(/\b((?:auth|nodejs|process)_\w+)(?:\{([^}]*)\})?/g)].flatMap(
    ([, name = '', matchers = '']) => {
      const samples = metrics.split('\n').filter((line) => new RegExp(`^${name}[ {]`).test(line));
      return samples.length === 0 ? [name] : faultsOfMatchers(matchers, samples);
    },
  );

describe('monitoring', function () {
  this.timeout(30_000);
  let metrics: string;

  before(async () => {
    metrics = await metricsOfServer();
  });

  it('every metric, label and event of the alerts and of the dashboard is there', async () => {
    const all = await expressions();
    expect(Object.keys(all).length).to.be.greaterThan(25);
    for (const [name, expr] of Object.entries(all)) {
      expect(expr, name).to.match(/\b(auth|nodejs|process)_|^up\b/);
      expect(faultsOf(expr, metrics), name).to.deep.equal([]);
    }
  });

  it('a metric, a label or an event that is not there would be found', () => {
    expect(faultsOf('rate(auth_nothing_total[5m])', metrics)).to.have.lengthOf(1);
    expect(faultsOf('auth_hashes_waiting{method="GET"}', metrics)).to.have.lengthOf(1);
    expect(faultsOf('auth_events_total{event=~"login.refused|x.y"}', metrics)).to.have.lengthOf(1);
  });

  it('every alert says what it means, and names a section of the manual that is there', async () => {
    const manual = await readFile(path.resolve(FOLDER, '../docs/operations.md'), 'utf8');
    for (const { alert, annotations } of await rules()) {
      expect(annotations.description, alert).to.be.a('string').and.not.equal('');
      if (!annotations.description.includes('operations.md')) continue;
      for (const [, title = ''] of annotations.description.matchAll(/"([^"]+)"/g)) {
        expect(manual, alert).to.match(new RegExp(`^#+ ${title}$`, 'm'));
      }
    }
  });

  it('the rules are Prometheus’ language, by promtool', async function () {
    const check = (...args: string[]) => spawnSync('promtool', ['check', ...args], OPTIONS);
    const rulesRun = check('rules', 'alerts.yml');
    if (rulesRun.error) return this.skip();
    expect(rulesRun.status, rulesRun.stderr).to.equal(0);
    const config = check('config', '--syntax-only', 'prometheus.yml');
    expect(config.status, config.stderr).to.equal(0);
  });
});
