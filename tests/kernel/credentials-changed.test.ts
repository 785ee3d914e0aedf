import { expect } from 'chai';
import type { CredentialsChange, CredentialsChanged, Plugin } from '../../src/kernel/plugin.ts';
import { createRegistry } from '../../src/kernel/registry.ts';
import type { Transaction } from '../../src/kernel/store.ts';
import { plugin, shared } from './test-plugin.ts';

const change: CredentialsChange = { userId: 'an-id', by: 'password-reset' };
const transaction = {} as Transaction;

/** What the owner of passwords is given, set up before all others. */
function credentialsChangedAmong(plugins: readonly Plugin[]): CredentialsChanged {
  let given: CredentialsChanged | undefined;
  const owner = plugin(
    'owner',
    {},
    {
      setup(context) {
        given = context.credentialsChanged;
        return {};
      },
    },
  );
  createRegistry([owner, ...plugins], shared, {});
  if (!given) throw new Error('nothing was given');
  return given;
}

describe('a change of credentials', () => {
  it('is told in its transaction to every plugin that asked, dependents first', async () => {
    const calls: unknown[] = [];
    const told = (name: string, dependsOn: string[] = []): Plugin =>
      plugin(
        name,
        { credentialsChanged: async (...args) => void calls.push([name, ...args]) },
        { dependsOn },
      );
    const changed = credentialsChangedAmong([
      told('top', ['base']),
      plugin('none'),
      told('base', ['owner']),
    ]);
    await changed(change, transaction);
    expect(calls).to.deep.equal([
      ['top', change, transaction],
      ['base', change, transaction],
    ]);
  });

  it('fails when one plugin fails, and is told no further', async () => {
    let isTold = false;
    const failing = plugin(
      'failing',
      {
        async credentialsChanged() {
          throw new Error('cannot');
        },
      },
      { dependsOn: ['base'] },
    );
    const base = plugin('base', {
      async credentialsChanged() {
        isTold = true;
      },
    });
    const error = await credentialsChangedAmong([failing, base])(change, transaction).catch(
      (caught: Error) => caught.message,
    );
    expect([error, isTold]).to.deep.equal(['cannot', false]);
  });
});
