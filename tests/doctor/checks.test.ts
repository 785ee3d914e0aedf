import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { Call } from '../../src/doctor/call.ts';
import { diagnoseClock } from '../../src/doctor/clock.ts';
import { examine } from '../../src/doctor/examine.ts';
import { diagnoseProxy } from '../../src/doctor/proxy.ts';
import { diagnoseSecretKey } from '../../src/doctor/secret-key.ts';
import { diagnoseThreadPool } from '../../src/doctor/thread-pool.ts';
import { broken, type Diagnosis, type Finding, NotExamined } from '../../src/kernel/plugin.ts';
import { StoreUnavailable } from '../../src/kernel/store.ts';
import { diagnoseOff } from '../../src/plugins/rate-limit/diagnose.ts';

const texts = (findings: readonly Finding[]) =>
  findings.map(({ severity, problem }) => `${severity}: ${problem}`);

describe('authsrv doctor: SECRET_KEY', () => {
  const judge = async (...keys: string[]) => texts(await diagnoseSecretKey(keys).check());

  it('takes keys that were drawn', async () => {
    for (let i = 0; i < 200; i += 1) {
      expect(await judge(randomBytes(16).toString('hex'))).to.deep.equal([]);
      expect(await judge(randomBytes(32).toString('base64url'))).to.deep.equal([]);
    }
  });

  for (const key of [
    'abcdabcdabcdabcdabcdabcdabcdabcdabcd',
    '0123456789abcdefghijklmnopqrstuvwxyz',
    '98765432109876543210987654321098765',
    'hunter2hunter2hunter2hunter2hunter2',
    'asdasdasdasdasdasdasdasdasdasdasdjkl',
  ]) {
    it(`SEC-95 finds "${key}"`, async () => {
      const [finding] = await diagnoseSecretKey([key]).check();
      expect(finding?.severity).to.equal('broken');
      expect(JSON.stringify(finding)).not.to.contain(key);
    });
  }

  it('finds a former one, also a weak one, and one that is there twice', async () => {
    const [first, second] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
    expect(await judge(first, second)).to.deep.equal([
      'warning: SECRET_KEY still accepts 1 former key.',
    ]);
    expect(await judge(first, first)).to.deep.equal(['warning: SECRET_KEY lists one key twice.']);
    expect((await judge(first, 'ab'.repeat(20)))[0]).to.equal(
      'broken: Key 2 of SECRET_KEY can be guessed: it repeats itself, or was typed by hand.',
    );
  });
});

describe('authsrv doctor: proxy', () => {
  const answering = (text: string): Call => {
    const answer = { status: 200, headers: new Headers(), text, json: undefined };
    return async () => answer;
  };
  const running = {
    socket: 'http://127.0.0.1:3000',
    call: answering('auth_events_total{event="proxy.not_understood"} 0'),
    statusUnder: async () => 404,
  };
  const judge = async (
    publicUrl: string,
    TRUST_PROXY: string[],
    { HOST = '127.0.0.1', ...rest }: { HOST?: string; METRICS_TOKEN?: string } = {},
    server: Parameters<typeof diagnoseProxy>[1] = running,
  ) => {
    const settings = { publicUrl: new URL(publicUrl), TRUST_PROXY, HOST, ...rest };
    return (await diagnoseProxy(settings, server).check()).map(
      ({ severity, problem }) => `${severity}: ${problem.slice(0, 24)}`,
    );
  };

  it('B-11 finds a proxy that sends what we do not understand, by the metrics of a server here', async () => {
    const call = answering(
      '# HELP\nauth_events_total{event="proxy.not_understood",worker="2"} 3\n',
    );
    expect(await judge('http://localhost:3000', [], {}, { ...running, call })).to.deep.equal([
      'warning: A proxy sends an X-Forwa',
    ]);
    const nobody: Call = async () => {
      throw new TypeError('fetch failed');
    };
    const alone = { ...running, call: nobody };
    expect(await judge('http://localhost:3000', [], {}, alone)).to.deep.equal([]);
  });

  it('C9 finds metrics that anybody can read through a proxy that says nothing of itself', async () => {
    const open = { ...running, statusUnder: async () => 200 };
    const url = 'https://auth.example.com';
    expect(await judge(url, ['10.0.0.1'], {}, open)).to.deep.equal([
      'broken: Anybody can read https:/',
    ]);
    const METRICS_TOKEN = '0123456789abcdef';
    expect(await judge(url, ['10.0.0.1'], { METRICS_TOKEN }, open)).to.deep.equal([]);
    expect(await judge('http://localhost:3000', [], {}, open)).to.deep.equal([]);
    // Whoever asks for it is at this machine.
    expect(await judge('https://localhost:8443', ['127.0.0.1'], {}, open)).to.deep.equal([]);
  });

  it('finds nothing where settings fit', async () => {
    expect(await judge('http://localhost:3000', [])).to.deep.equal([]);
    expect(
      await judge('https://auth.example.com', ['10.0.0.0/8'], { HOST: '0.0.0.0' }),
    ).to.deep.equal([]);
  });

  it('finds a proxy that is not named, or a whole world that is', async () => {
    expect(await judge('https://auth.example.com', [])).to.deep.equal([
      'warning: Something in front of us',
    ]);
    for (const all of ['0.0.0.0/0', '::/0']) {
      const [found] = await judge('https://auth.example.com', ['10.0.0.1', all]);
      expect(found).to.equal(`broken: TRUST_PROXY=${all} lets every`.slice(0, 32));
    }
  });

  it('finds an address for others with a PUBLIC_URL for this machine', async () => {
    expect(await judge('http://localhost:3000', [], { HOST: '0.0.0.0' })).to.deep.equal([
      'warning: HOST=0.0.0.0 takes conne',
    ]);
  });
});

describe('authsrv doctor: thread pool and rate limit', () => {
  const pool = { slots: 2, reserve: 4, processes: 1, cores: 2, given: undefined };
  const judge = async (changed: { [name in keyof typeof pool]?: unknown }) =>
    texts(await diagnoseThreadPool({ ...pool, ...changed } as typeof pool).check());

  it('finds a pool that hashing fills, and more hashes than cores', async () => {
    expect(await judge({})).to.deep.equal([]);
    expect(await judge({ given: '6' })).to.deep.equal([]);
    expect(await judge({ given: '4' })).to.deep.equal([
      'warning: UV_THREADPOOL_SIZE=4 is too small for 2 hashes at once and signing; "authsrv start" takes 6 instead.',
    ]);
    expect(await judge({ processes: 2 })).to.deep.equal([
      'warning: 4 passwords may be hashed at once on 2 cores: all else waits meanwhile.',
    ]);
  });

  it('finds limits that are off, but not on this machine', async () => {
    const limits = async (url: string) => texts(await diagnoseOff(new URL(url)).check());
    expect((await limits('https://auth.example.com'))[0]).to.match(/^warning: RATE_LIMIT=off/);
    expect(await limits('http://localhost:3000')).to.deep.equal([]);
  });
});

describe('authsrv doctor: clock', () => {
  const here = { now: () => 1_000_000 };
  const other = (difference: number, grain = 0) => ({
    name: 'PostgreSQL',
    grain,
    read: async () => 1_000_000 + difference,
  });
  const judge = async (...others: ReturnType<typeof other>[]) =>
    texts(await diagnoseClock(here, others).check());

  it('finds one that is some seconds off, or so many that tokens fail', async () => {
    expect(await judge(other(2_900), other(-2_900), other(-3_900, 1_000))).to.deep.equal([]);
    expect(await judge(other(4_000))).to.deep.equal([
      'warning: The clock here and that of PostgreSQL are 4.0 s apart.',
    ]);
    expect(await judge(other(-3_600_000))).to.deep.equal([
      'broken: The clock here and that of PostgreSQL are 3600.0 s apart.',
    ]);
  });

  it('leaves out one that cannot be read', async () => {
    const dead = { ...other(0), read: () => Promise.reject(new Error('gone')) };
    expect(await judge(dead, other(5_000))).to.have.length(1);
    const failure = await diagnoseClock(here, [dead])
      .check()
      .catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(NotExamined);
  });

  it('does not blame a slow answer', async () => {
    let now = 1_000_000;
    const slow = {
      ...other(0),
      async read() {
        now += 20_000;
        return 1_010_000;
      },
    };
    expect(await diagnoseClock({ now: () => now }, [slow]).check()).to.deep.equal([]);
  });
});

describe('authsrv doctor: running the checks', () => {
  const run = async (checks: Record<string, Diagnosis['check']>, longest?: number) => {
    const all = Object.entries(checks).map(([name, check]) => ({
      owner: 'core',
      diagnosis: { name, check },
    }));
    const examined = await examine(all, longest);
    return examined.map(({ name, status, reason, findings }) =>
      [name, status, reason ?? findings.map(({ problem }) => problem).join()].join(' | '),
    );
  };
  const fails = (error: Error) => () => Promise.reject(error);

  it('goes on past whatever fails, and says what it could not see', async () => {
    expect(
      await run({
        good: async () => [],
        lost: fails(new StoreUnavailable('PostgreSQL did not answer')),
        unseen: fails(new NotExamined('nobody there')),
        odd: fails(new Error('a surprise')),
        bad: async () => [broken('It is broken.', 'Mend it.')],
      }),
    ).to.deep.equal([
      'good | ok | ',
      'lost | skipped | PostgreSQL did not answer',
      'unseen | skipped | nobody there',
      'odd | broken | The check failed: a surprise.',
      'bad | broken | It is broken.',
    ]);
  });

  it('C7 goes on past a check that throws at once, or answers no list', async () => {
    const throwing = (error: unknown) => () => {
      throw error;
    };
    const checks = {
      throwing: throwing(new Error('a surprise')),
      odd: throwing('a text'),
      silent: (async () => undefined) as unknown as Diagnosis['check'],
      good: async () => [],
    };
    expect(await run(checks)).to.deep.equal([
      'throwing | broken | The check failed: a surprise.',
      'odd | broken | The check failed: a text.',
      'silent | broken | The check failed: it answered no list of findings.',
      'good | ok | ',
    ]);
  });

  it('waits for none for ever', async () => {
    const [hanging] = await run({ hanging: () => new Promise(() => undefined) }, 10);
    expect(hanging).to.equal('hanging | broken | The check failed: no answer within 0.01 s.');
  });

  it('skips what lacks its tables, and only then', async () => {
    const noTable = fails(new Error('relation "mails" does not exist'));
    const pending = async () => [broken('The database lacks 1 migration.', 'Apply it.')];
    expect((await run({ migrations: pending, outbox: noTable }))[1]).to.contain('| skipped |');
    expect((await run({ migrations: async () => [], outbox: noTable }))[1]).to.contain(
      '| broken |',
    );
  });
});
