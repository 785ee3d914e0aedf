/** Buckets that two processes share: together they admit what one would. */
import { expect } from 'chai';
import { anyAddress, countOf, probe, requestFrom } from '../../support/limited-app.ts';
import { inParallel, raceStores } from '../../support/nodes.ts';
import { createUser } from '../../support/people.ts';
import { useNodes } from '../../support/use-nodes.ts';

const CAPACITY = 40;
const REFILL = 20;

const LIMITS = {
  RATE_LIMIT: 'on',
  TRUST_PROXY: '127.0.0.1',
  RATE_LIMIT_SIGN_IN: `${CAPACITY}/${REFILL}`,
  RATE_LIMIT_WRITE: `${CAPACITY}/0.001`,
  RATE_LIMIT_ACCOUNT: '25/0.001',
};

for (const store of raceStores) {
  describe(`rate limits of two processes, state store on ${store}`, function () {
    this.timeout(120_000);
    const nodes = useNodes(store, { settings: LIMITS });

    it('SEC-89: 100 clients at once from one address: exactly what the bucket holds is admitted', async () => {
      const ip = anyAddress();
      const answers = await inParallel(100, nodes.processes, (node) =>
        requestFrom(node, ip, '/auth/logout', { method: 'POST' }),
      );
      expect(countOf(answers, 204)).to.equal(CAPACITY);
      expect(countOf(answers, 429)).to.equal(100 - CAPACITY);
    });

    it('SEC-89 SEC-87: 100 clients that call on and on: what the bucket holds and what flowed in, ± 1', async () => {
      const headers = { 'x-forwarded-for': anyAddress() };
      const started = performance.now();
      let [firstAnswered, lastAsked] = [Number.POSITIVE_INFINITY, 0];
      const clients = await inParallel(100, nodes.processes, async (node) => {
        let admitted = 0;
        for (let call = 0; call < 8; call += 1) {
          lastAsked = performance.now();
          const { status } = await probe(node, headers);
          firstAnswered = Math.min(firstAnswered, performance.now());
          expect(status).to.be.oneOf([400, 429]);
          if (status === 400) admitted += 1;
        }
        return admitted;
      });
      const ended = performance.now();
      const admitted = clients.reduce((sum, count) => sum + count, 0);
      const flowed = (from: number, to: number) => (Math.max(0, to - from) / 1000) * REFILL;
      expect(admitted).to.be.at.most(CAPACITY + flowed(started, ended) + 1);
      expect(admitted).to.be.at.least(Math.floor(CAPACITY + flowed(firstAnswered, lastAsked)) - 1);
    });

    it('SEC-17 SEC-89: 100 parallel guesses at one account, each from elsewhere, spend its 25 attempts', async () => {
      const { email } = await createUser(nodes.local);
      const answers = await inParallel(100, nodes.processes, (node) =>
        requestFrom(node, anyAddress(), '/auth/login', {
          json: { email, password: 'not the password at all' },
        }),
      );
      expect(countOf(answers, 401)).to.equal(25);
      expect(countOf(answers, 429)).to.equal(75);
    });
  });
}
