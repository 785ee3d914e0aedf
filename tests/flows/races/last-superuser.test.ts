import { expect } from 'chai';
import { Roles } from '../../../src/plugins/roles/contract.ts';
import type { User } from '../../../src/plugins/users/contract.ts';
import type { Answer } from '../../support/browser.ts';
import { type Tokens, tokensOf } from '../../support/cookie-api.ts';
import { inParallel, type Node } from '../../support/nodes.ts';
import { createUser, login } from '../../support/people.ts';
import { storeKinds } from '../../support/test-app.ts';
import { useNodes } from '../../support/use-nodes.ts';

const ROUNDS = 3;
const REQUESTS = 50;

for (const store of storeKinds) {
  describe(`SEC-79 I4 the last two superusers end each other on two processes, state store on ${store}`, () => {
    const nodes = useNodes(store);

    const newSuperuser = async (): Promise<{ user: User; tokens: Tokens }> => {
      const user = await createUser(nodes.local, ['superuser']);
      return { user, tokens: tokensOf(await login(nodes.local.browser(), user)) };
    };

    const active = async (): Promise<string[]> => {
      const rows = await nodes.local.database.database.query<{ id: string }>(
        {
          name: 'test-active-superusers',
          text: `SELECT users.id FROM users JOIN user_roles ON user_id = users.id
            JOIN roles ON roles.id = role_id WHERE roles.name = 'superuser' AND disabled_at IS NULL`,
        },
        [],
      );
      return rows.map(({ id }) => id);
    };

    /** Whoever was left by the round before goes, so that the two are the last. */
    const keepOnly = async (users: readonly User[]): Promise<void> => {
      const kept = users.map(({ id }) => id);
      const roles = nodes.local.app.use(Roles);
      for (const id of await active()) if (!kept.includes(id)) await roles.revoke(id, 'superuser');
    };

    const attack = (
      kind: number,
      node: Node,
      by: Tokens,
      target: User,
      roleId: string,
    ): Promise<Answer> => {
      const headers = { authorization: `Bearer ${by.access}` };
      const call = (method: string, path: string, json?: object) =>
        node.browser().request(path, { method, headers, anonymous: true, ...(json && { json }) });
      if (kind === 0) return call('DELETE', `/users/${target.id}/roles/${roleId}`);
      if (kind === 1) return call('PATCH', `/users/${target.id}`, { disabled: true });
      if (kind === 2) return call('DELETE', `/users/${target.id}`);
      // Of their own account, which is deleted elsewhere.
      return call('DELETE', '/auth/me');
    };

    it(`exactly one is left by ${REQUESTS} mixed demotions, disablings and deletions at once`, async function () {
      this.timeout(120_000);
      for (let round = 0; round < ROUNDS; round += 1) {
        const pair = [await newSuperuser(), await newSuperuser()] as const;
        await keepOnly(pair.map(({ user }) => user));
        const role = await nodes.local.app.use(Roles).findByName('superuser');
        const answers = await inParallel(REQUESTS, nodes.processes, (node, index) => {
          const [by, target] = index % 4 < 2 ? pair : [pair[1], pair[0]];
          return attack(Math.floor(index / 4) % 4, node, by.tokens, target.user, role?.id ?? '');
        });
        const statuses = answers.map(({ status }) => status);
        expect(await active(), `round ${round}: ${statuses.join(' ')}`).to.have.lengthOf(1);
        for (const { status, text } of answers) {
          expect(status, text).to.be.oneOf([200, 204, 401, 403, 404, 409]);
        }
        expect(statuses.some((status) => status === 200 || status === 204)).to.equal(true);
      }
    });
  });
}
