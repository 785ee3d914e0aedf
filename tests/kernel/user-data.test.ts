import { expect } from 'chai';
import { BATCH } from '../../src/kernel/in-batches.ts';
import type { Plugin, UserData } from '../../src/kernel/plugin.ts';
import { createRegistry } from '../../src/kernel/registry.ts';
import type { Transaction } from '../../src/kernel/store.ts';
import { MoreThanABatch } from '../../src/kernel/whole-or-batches.ts';
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

  it('C2 is erased in batches: what has no bound, as much as one has room for, then the next', async () => {
    const rows = { top: BATCH + 10, base: BATCH };
    const asked: [string, number][] = [];
    const growing = (name: 'top' | 'base', dependsOn: string[] = []): Plugin =>
      plugin(
        name,
        {
          async eraseUserInBatches(_user, size) {
            const erased = Math.min(size, rows[name]);
            rows[name] -= erased;
            asked.push([name, size]);
            return erased;
          },
          eraseUser: async () => void asked.push([name, 0]),
        },
        { dependsOn },
      );
    const userData = userDataAmong([growing('top', ['base']), growing('base')]);
    const failure = await userData.erase(user, transaction).catch((error: unknown) => error);
    expect(failure, 'nothing of it may be committed').to.be.an.instanceOf(MoreThanABatch);
    const left: boolean[] = [];
    for (let batch = 0; batch < 2; batch += 1) {
      left.push(await userData.eraseBatch(user, transaction));
    }
    expect(left).to.deep.equal([true, false]);
    await userData.erase(user, transaction);
    expect(rows).to.deep.equal({ top: 0, base: 0 });
    expect(asked).to.deep.equal([
      ['top', BATCH],
      ['top', BATCH],
      ['base', BATCH - 10],
      ['top', BATCH],
      ['base', BATCH],
      ['top', BATCH],
      ['top', 0],
      ['base', BATCH],
      ['base', 0],
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
