import { expect } from 'chai';
import type { Plugin, UserData } from '../../src/kernel/plugin.ts';
import { createRegistry } from '../../src/kernel/registry.ts';
import type { Transaction } from '../../src/kernel/store.ts';
import { failureOf, plugin, shared } from './test-plugin.ts';

const user = { id: 'an-id', email: 'ana@example.com' };
const transaction = {} as Transaction;

/** What a plugin set up among these is given. */
function userDataAmong(plugins: readonly Plugin[]): UserData {
  let given: UserData | undefined;
  const asking = plugin(
    'asking',
    {},
    {
      setup(context) {
        given = context.userData;
        return {};
      },
    },
  );
  createRegistry([asking, ...plugins], shared, {});
  if (!given) throw new Error('nothing was given');
  return given;
}

describe('what plugins keep about a user', () => {
  it('is told section by section, also of plugins that are set up later', async () => {
    const userData = userDataAmong([
      plugin('one', { exportUser: { cats: async ({ id }) => [id], dogs: async () => null } }),
      plugin('two', { exportUser: { mails: async ({ email }) => email } }),
      plugin('none'),
    ]);
    expect(await userData.export(user)).to.deep.equal({
      cats: ['an-id'],
      dogs: null,
      mails: 'ana@example.com',
    });
  });

  it('is erased in one transaction, by dependents before what they depend on', async () => {
    const calls: unknown[] = [];
    const erasing = (name: string, dependsOn: string[] = []): Plugin =>
      plugin(
        name,
        { eraseUser: async (...args) => void calls.push([name, ...args]) },
        { dependsOn },
      );
    await userDataAmong([erasing('top', ['base']), erasing('base'), plugin('none')]).erase(
      user,
      transaction,
    );
    expect(calls).to.deep.equal([
      ['top', user, transaction],
      ['base', user, transaction],
    ]);
  });

  it('is not erased further when one plugin cannot', async () => {
    let called = false;
    const failing = plugin(
      'failing',
      {
        async eraseUser() {
          throw new Error('cannot');
        },
      },
      { dependsOn: ['base'] },
    );
    const base = plugin('base', {
      async eraseUser() {
        called = true;
      },
    });
    const error = await userDataAmong([failing, base])
      .erase(user, transaction)
      .catch((caught: Error) => caught.message);
    expect([error, called]).to.deep.equal(['cannot', false]);
  });

  it('has sections of one owner', () => {
    const section = { exportUser: { cats: async () => [] } };
    expect(failureOf([plugin('one', section), plugin('two', section)]).message).to.equal(
      'Plugins "one" and "two" both claim the section "cats"',
    );
  });
});
