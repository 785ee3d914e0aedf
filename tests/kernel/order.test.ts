import { expect } from 'chai';
import { orderPlugins } from '../../src/kernel/order.ts';
import { PluginError } from '../../src/kernel/plugin.ts';

const named = (name: string, ...dependsOn: string[]) => ({ name, dependsOn });
const order = (...plugins: ReturnType<typeof named>[]): string[] =>
  orderPlugins(plugins).map(({ name }) => name);

describe('order of plugins', () => {
  it('is the given one when nobody depends on anybody', () => {
    expect(order(named('c'), named('a'), named('b'))).to.deep.equal(['c', 'a', 'b']);
  });

  it('puts each after all that it depends on', () => {
    const sorted = order(
      named('page', 'users', 'theme'),
      named('users', 'db'),
      named('theme'),
      named('db'),
    );
    expect(sorted).to.deep.equal(['db', 'users', 'theme', 'page']);
  });

  it('takes a plugin that two depend on once', () => {
    const sorted = order(named('a', 'c'), named('b', 'c'), named('c'));
    expect(sorted).to.deep.equal(['c', 'a', 'b']);
  });

  it('of none is empty', () => {
    expect(order()).to.deep.equal([]);
  });

  it('takes a plugin without `dependsOn`', () => {
    expect(orderPlugins([{ name: 'bare' }])).to.deep.equal([{ name: 'bare' }]);
  });

  const refused: Record<string, { plugins: ReturnType<typeof named>[]; says: string }> = {
    'a dependency that is not installed': {
      plugins: [named('a', 'ghost')],
      says: 'Plugin "a" needs "ghost", which is not installed',
    },
    'two plugins of one name': {
      plugins: [named('a'), named('b'), named('a')],
      says: 'Two plugins are named "a"',
    },
    'a cycle of two': {
      plugins: [named('a', 'b'), named('b', 'a')],
      says: 'Plugin cycle: a -> b -> a',
    },
    'a long cycle': {
      plugins: [named('a', 'b'), named('b', 'c'), named('c', 'b')],
      says: 'Plugin cycle: a -> b -> c -> b',
    },
    'a plugin that depends on itself': {
      plugins: [named('a', 'a')],
      says: 'Plugin cycle: a -> a',
    },
  };
  for (const [name, { plugins, says }] of Object.entries(refused)) {
    it(`refuses ${name}`, () => {
      expect(() => order(...plugins)).to.throw(PluginError, says);
    });
  }
});
