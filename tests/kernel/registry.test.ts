import { expect } from 'chai';
import { z } from 'zod';
import { defineEvent, on } from '../../src/kernel/events.ts';
import { KERNEL_VERSION, type Plugin, PluginError } from '../../src/kernel/plugin.ts';
import { checkManifests, createRegistry } from '../../src/kernel/registry.ts';
import { defineService, provide } from '../../src/kernel/service.ts';
import { command, failureOf, plugin, route, shared } from './test-plugin.ts';

const Greeter = defineService<{ greet(): string }>('greeter');

describe('registry', () => {
  describe('sets plugins up', () => {
    it('in the order of their dependencies, each once', () => {
      const calls: string[] = [];
      const recording = (name: string, dependsOn: string[] = []): Plugin =>
        plugin(
          name,
          {},
          {
            dependsOn,
            setup() {
              calls.push(name);
              return {};
            },
          },
        );
      createRegistry([recording('c', ['b']), recording('b', ['a']), recording('a')], shared, {});
      expect(calls).to.deep.equal(['a', 'b', 'c']);
    });

    it('with settings of their own, parsed', () => {
      let seen: unknown;
      const settings = z.object({ LIMIT: z.coerce.number().default(1) });
      const setup: Plugin['setup'] = (context) => {
        seen = context.settings;
        return {};
      };
      createRegistry([plugin('one', {}, { settings, setup })], shared, { LIMIT: '7', OTHER: 'x' });
      expect(seen).to.deep.equal({ LIMIT: 7 });
    });

    it('not at all when the manifests collide', () => {
      let calls = 0;
      const counting = (name: string): Plugin =>
        plugin(
          name,
          {},
          {
            commands: [command('same')],
            setup() {
              calls += 1;
              return {};
            },
          },
        );
      failureOf([counting('one'), counting('two')]);
      expect(calls).to.equal(0);
    });

    it('and collects what they add, with the plugin it comes from', () => {
      const routes = [route('get', '/one')];
      const listeners = [on(defineEvent('a.b'), () => {})];
      const registry = createRegistry(
        [plugin('one', { routes }), plugin('none'), plugin('two', { listeners })],
        shared,
        {},
      );
      expect(registry.all('routes')).to.deep.equal([{ plugin: 'one', value: routes }]);
      expect(registry.all('listeners')).to.deep.equal([{ plugin: 'two', value: listeners }]);
      expect(registry.all('grants')).to.deep.equal([]);
      expect(registry.plugins.map(({ name }) => name)).to.deep.equal(['one', 'none', 'two']);
    });
  });

  describe('services', () => {
    const greeting = plugin('greeting', { provides: [provide(Greeter, { greet: () => 'hello' })] });
    const asking = (dependsOn: string[]): Plugin =>
      plugin(
        'asking',
        {},
        {
          dependsOn,
          setup({ use }) {
            use(Greeter);
            return {};
          },
        },
      );

    it('reach a plugin that depends on their owner, and the app', () => {
      const registry = createRegistry([asking(['greeting']), greeting], shared, {});
      expect(registry.use(Greeter).greet()).to.equal('hello');
    });

    it('do not reach a plugin that never said so', () => {
      expect(failureOf([greeting, asking([])]).message).to.equal(
        '"asking" uses "greeter" but does not depend on "greeting"',
      );
    });

    it('that nobody provides are named', () => {
      expect(failureOf([asking([])]).message).to.equal(
        '"asking" uses the service "greeter", which nobody provides',
      );
      const registry = createRegistry([], shared, {});
      expect(() => registry.use(Greeter)).to.throw(
        PluginError,
        'The core uses the service "greeter", which no plugin provides.',
      );
    });
  });

  it('refuses a plugin for another kernel', () => {
    const old = plugin('old', {}, { kernel: KERNEL_VERSION + 1 });
    expect(() => checkManifests([old])).to.throw(
      PluginError,
      `Plugin "old" was written for kernel ${KERNEL_VERSION + 1}; this is kernel ${KERNEL_VERSION}`,
    );
  });
});
