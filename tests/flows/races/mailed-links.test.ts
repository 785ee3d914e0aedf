import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Users } from '../../../src/plugins/users/contract.ts';
import { loginAt } from '../../support/cookie-api.ts';
import { codeMailedTo, OUTBOX_ONLY } from '../../support/mailed-links.ts';
import { inParallel } from '../../support/nodes.ts';
import { createUser, login, PASSWORD, signedInBrowser } from '../../support/people.ts';
import { storeKinds } from '../../support/test-app.ts';
import { useNodes } from '../../support/use-nodes.ts';

const CALLS = 20;

for (const store of storeKinds) {
  describe(`racing uses of one mailed link, state store on ${store}`, () => {
    const nodes = useNodes(store, { settings: { ...OUTBOX_ONLY, REGISTRATION: 'strict' } });

    const post = (path: string, json: object) => nodes.local.browser().request(path, { json });
    const everywhere = () => [nodes.local, ...nodes.processes];
    const statusesOf = (answers: readonly { status: number }[]) =>
      answers.map(({ status }) => status).sort((a, b) => a - b);

    it('SEC-13 20 resets with one link over three nodes: one password is set', async function () {
      this.timeout(60_000);
      const user = await createUser(nodes.local);
      await post('/auth/password/forgot', { email: user.email });
      const token = await codeMailedTo(nodes.local, user.email);
      const passwords = Array.from({ length: CALLS }, () => `calm finches ${randomUUID()}`);
      const answers = await inParallel(CALLS, everywhere(), (node, index) =>
        node.browser().request('/auth/password/reset', {
          json: { token, new_password: passwords[index] },
        }),
      );
      expect(statusesOf(answers)).to.deep.equal([204, ...Array(CALLS - 1).fill(410)]);
      const winner = answers.findIndex(({ status }) => status === 204);
      for (const [index, password] of passwords.entries()) {
        const { status } = await login(nodes.local.browser(), user, password);
        expect(status).to.equal(index === winner ? 200 : 401);
      }
    });

    it('SEC-13 20 verifications with one link over three nodes: one verifies', async () => {
      const user = await createUser(nodes.local);
      const browser = await signedInBrowser(nodes.local, user);
      await browser.request('/auth/email/verify', { method: 'POST' });
      const token = await codeMailedTo(nodes.local, user.email);
      const answers = await inParallel(CALLS, everywhere(), (node) =>
        node.browser().request('/auth/email/confirm', { json: { token, password: PASSWORD } }),
      );
      expect(statusesOf(answers)).to.deep.equal([200, ...Array(CALLS - 1).fill(410)]);
    });

    it('D7 20 claims of one address over three nodes: one password counts, and not that of before', async () => {
      const user = await createUser(nodes.local);
      const browser = await signedInBrowser(nodes.local, user);
      await browser.request('/auth/email/verify', { method: 'POST' });
      const token = await codeMailedTo(nodes.local, user.email);
      const passwords = Array.from({ length: CALLS }, (_, index) => `${index} lone cranes wade`);
      const answers = await inParallel(CALLS, everywhere(), (node, index) =>
        node.browser().request('/auth/email/confirm', {
          json: { token, new_password: passwords[index] },
        }),
      );
      expect(statusesOf(answers)).to.deep.equal([200, ...Array(CALLS - 1).fill(410)]);
      const winner = answers.findIndex(({ status }) => status === 200);
      const right = passwords[winner] ?? '';
      expect((await login(nodes.local.browser(), user, right)).status).to.equal(200);
      expect((await login(nodes.local.browser(), user, PASSWORD)).status).to.equal(401);
      expect((await browser.request('/auth/me')).status).to.equal(401);
    });

    it('SEC-11 20 confirmations of one new address over three nodes: one makes the change', async () => {
      const user = await createUser(nodes.local);
      const browser = await signedInBrowser(nodes.local, user);
      const email = `moved-${randomUUID()}@example.org`;
      const json = { email, current_password: PASSWORD };
      expect((await browser.request('/auth/email', { method: 'PUT', json })).status).to.equal(202);
      const token = await codeMailedTo(nodes.local, email);
      const answers = await inParallel(CALLS, everywhere(), (node) =>
        node.browser().request('/auth/email/confirm', { json: { token, password: PASSWORD } }),
      );
      expect(statusesOf(answers)).to.deep.equal([200, ...Array(CALLS - 1).fill(410)]);
      expect((await nodes.local.app.use(Users).find(user.id))?.email).to.equal(email);
    });

    it('SEC-16 100 strict registrations of one address, and 20 uses of each link, make one user', async function () {
      this.timeout(120_000);
      const name = `person-${randomUUID()}`;
      const ways = [name, name.toUpperCase(), ` ${name}`].map((local) => `${local}@example.com`);
      const asked = await inParallel(100, everywhere(), (node, index) =>
        node.browser().request('/auth/register', {
          json: { email: ways[index % ways.length], password: PASSWORD },
        }),
      );
      expect(new Set(asked.map(({ status, text }) => `${status} ${text}`))).to.deep.equal(
        new Set(['202 {"status":"check-mail"}']),
      );
      const tokens = [
        await codeMailedTo(nodes.local, `${name}@example.com`),
        await codeMailedTo(nodes.local, `${name.toUpperCase()}@example.com`),
      ];
      const answers = await inParallel(2 * CALLS, everywhere(), (node, index) =>
        node.browser().request('/auth/email/confirm', {
          json: { token: tokens[index % 2], password: PASSWORD },
        }),
      );
      expect(statusesOf(answers)).to.deep.equal([200, ...Array(2 * CALLS - 1).fill(410)]);
      const users = await nodes.local.app.use(Users).list({ query: name, limit: 10 });
      expect(users).to.have.lengthOf(1);
      if (users[0]) await loginAt(nodes.processes[1], users[0]);
    });

    it('SEC-12 a change of address and a reset of the password at once: never both', async () => {
      for (let round = 0; round < 10; round += 1) {
        const user = await createUser(nodes.local);
        const browser = await signedInBrowser(nodes.local, user);
        const email = `moved-${randomUUID()}@example.org`;
        const json = { email, current_password: PASSWORD };
        await browser.request('/auth/email', { method: 'PUT', json });
        await post('/auth/password/forgot', { email: user.email });
        const change = { token: await codeMailedTo(nodes.local, email), password: PASSWORD };
        const reset = {
          token: await codeMailedTo(nodes.local, user.email),
          new_password: 'ten calm finches swim',
        };
        const [one, two] = nodes.processes;
        const answers = await Promise.all([
          one.browser().request('/auth/email/confirm', { json: change }),
          two.browser().request('/auth/password/reset', { json: reset }),
        ]);
        const done = answers.filter(({ status }) => status < 300);
        expect(done, JSON.stringify(statusesOf(answers))).to.have.lengthOf(1);
        for (const { status } of answers) expect(status).to.be.oneOf([200, 204, 410]);
      }
    });
  });
}
