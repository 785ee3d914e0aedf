import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Users } from '../../../src/plugins/users/contract.ts';
import { loginAt } from '../../support/cookie-api.ts';
import { inParallel, type Node } from '../../support/nodes.ts';
import { PASSWORD } from '../../support/people.ts';
import { storeKinds } from '../../support/test-app.ts';
import { useNodes } from '../../support/use-nodes.ts';

/** Ways to write one address: case, Unicode forms of letters, spaces around. */
const spellings = (name: string): readonly string[] => [
  `${name}@example.com`,
  `${name.toUpperCase()}@EXAMPLE.COM`,
  `${name[0]?.toUpperCase()}${name.slice(1)}@Example.com`,
  ` ${name}@example.com `,
  // U+FF21 FULLWIDTH LATIN CAPITAL LETTER A …, which NFKC folds.
  `${[...name].map(fullWidth).join('')}@example.com`,
];

const fullWidth = (letter: string): string =>
  /[a-z]/.test(letter) ? String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0) : letter;

for (const store of storeKinds) {
  describe(`racing registrations (I3), state store on ${store}`, () => {
    const nodes = useNodes(store);

    const register = (node: Node, email: string) =>
      node.browser().request('/auth/register', { json: { email, password: PASSWORD } });

    it('100 of one address in different spellings over three nodes make one user', async function () {
      this.timeout(120_000);
      const name = `person-${randomUUID()}`;
      const ways = spellings(name);
      const everywhere = [nodes.local, ...nodes.processes];
      const answers = await inParallel(100, everywhere, (node, index) =>
        register(node, ways[index % ways.length] ?? ''),
      );
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).to.deep.equal([201, ...Array(99).fill(409)]);
      const winner = answers.find(({ status }) => status === 201);
      const { user } = winner?.json<{ user: { id: string; email: string } }>() ?? {};
      const found = await nodes.local.app.use(Users).findByEmail(ways[1] ?? '');
      expect(found?.id).to.equal(user?.id);
      for (const node of everywhere) if (found) await loginAt(node, found);
    });

    it('100 of different addresses make 100 users, each able to sign in', async function () {
      this.timeout(120_000);
      const run = randomUUID();
      const answers = await inParallel(100, nodes.processes, (node, index) =>
        register(node, `person-${index}-${run}@example.com`),
      );
      expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([201]));
      const users = await nodes.local.app.use(Users).list({ query: run, limit: 200 });
      expect(users).to.have.length(100);
      const [first] = users;
      if (first) await loginAt(nodes.processes[1], first);
    });
  });
}
