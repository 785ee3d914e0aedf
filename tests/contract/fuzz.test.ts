/** Every operation of the OpenAPI document, with valid and invalid input: no 5xx, and every answer as documented. */
import { expect } from 'chai';
import fc from 'fast-check';
import type { Log } from '../../src/kernel/plugin.ts';
import { fuzzSettings } from '../support/fuzz-settings.ts';
import { silentLog } from '../support/log.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';
import { createCast } from './cast.ts';
import { type FuzzRequest, type Operation, requestsFor } from './fuzz-requests.ts';
import { createSend } from './send.ts';
import type { Schemas } from './values-of-schema.ts';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas };
}

/** Requests under way at a time, each on a connection of its own. */
const PARALLEL = 16;

/** Of each operation in a row, before the next one's turn. */
const ROUND = 8;

/** Failures after which nothing new is learnt. */
const ENOUGH = 10;

/** What a request needs to succeed here comes by mail, or from a token that none of the actors has. */
const UNREACHABLE =
  /^(post \/auth\/(email\/confirm|password\/reset)|get \/auth\/revocations|get .*\/callback)$|^delete \/oauth2|\/revoke$/;

const operationsOf = ({ paths }: Document): Operation[] =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...operation, method, path })),
  );

const nameOf = ({ method, path }: Operation): string => `${method} ${path}`;

const { requests, seed } = fuzzSettings;

/** Neighbours spread far: from seeds that are close to each other fast-check draws much the same. */
const seedOf = (sample: number): number => Math.imul(seed + sample, 0x9e3779b1);

for (const store of storeKinds) {
  describe(`SEC-91 SEC-92 contract, state store on ${store}, FUZZ_SEED=${seed}`, function () {
    this.timeout(900_000);
    const total = Math.ceil(requests / storeKinds.length);
    const failures: string[] = [];
    /** What the server logged about 5xx. */
    const reasons: string[] = [];
    /** Statuses by operation. */
    const seen = new Map<string, number[]>();
    let app: TestApp;
    let operations: readonly Operation[];
    let closeAgent: () => void;

    before(async () => {
      const settings = { GITHUB_CLIENT_ID: 'ours', GITHUB_CLIENT_SECRET: 'secret' };
      app = await startTestApp({ store, settings, log: reasonsLog(reasons) });
      const cast = await createCast(app);
      const { send, close } = createSend(app, cast);
      closeAgent = close;
      const { text } = await app.browser().request('/openapi.json');
      const document = JSON.parse(text) as Document;
      operations = operationsOf(document);
      const attempt = async (operation: Operation, wanted: FuzzRequest): Promise<void> => {
        const status = await send(wanted).catch(String);
        if (typeof status === 'string' || status >= 500) {
          failures.push(`${status}: ${JSON.stringify(wanted).slice(0, 700)}`);
          return;
        }
        const statuses = seen.get(nameOf(operation)) ?? [];
        statuses.push(status);
        seen.set(nameOf(operation), statuses);
      };

      const each = Math.ceil(total / operations.length);
      const { schemas } = document.components;
      const generated = operations.map((operation) => requestsFor(operation, schemas));
      for (let done = 0; done < each && failures.length < ENOUGH; done += ROUND) {
        const tasks = operations.flatMap((operation, at) =>
          fc
            .sample(generated[at] ?? requestsFor(operation, schemas), {
              seed: seedOf(done * operations.length + at * ROUND),
              numRuns: Math.min(ROUND, each - done),
            })
            .map((wanted) => () => attempt(operation, wanted)),
        );
        await inParallel(tasks, PARALLEL);
        await cast.refill();
      }
    });
    after(async () => {
      closeAgent();
      await app.close();
    });

    it(`none of ${total} requests goes without an answer or gets a 5xx`, () => {
      expect(failures, reasons.join('\n')).to.deep.equal([]);
      const answers = [...seen.values()].flat().length;
      expect(answers).to.be.at.least(total);
    });

    it('every answer is as the document says', async () => {
      expect(await app.answers.mismatches()).to.deep.equal([]);
    });

    it('every operation was reached, and nearly every one succeeded at times', function () {
      if (total < 5000) this.skip();
      const successes = operations.filter((operation) =>
        seen.get(nameOf(operation))?.some((status) => status < 400),
      );
      const missed = operations.filter((operation) => !successes.includes(operation)).map(nameOf);
      expect(missed.filter((name) => !UNREACHABLE.test(name))).to.deep.equal([]);
      expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
    });
  });
}

function reasonsLog(reasons: string[]): Log {
  const keep = (fields: object): void => {
    const { event = '', err } = fields as { event?: string; err?: Error };
    if (/^(request\.(failed|unavailable)|oidc\.failed)$/.test(event))
      reasons.push(String(err?.stack ?? err));
  };
  return { ...silentLog, warn: keep, error: keep };
}

async function inParallel(tasks: (() => Promise<void>)[], workers: number): Promise<void> {
  const left = tasks.reverse();
  const work = async (): Promise<void> => {
    for (let task = left.pop(); task; task = left.pop()) await task();
  };
  await Promise.all(Array.from({ length: workers }, work));
}
