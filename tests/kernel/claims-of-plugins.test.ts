/** No plugin takes silently what another, or the core, has (SEC-96). */
import { expect } from 'chai';
import { defineEvent } from '../../src/kernel/events.ts';
import { type Plugin, PluginError } from '../../src/kernel/plugin.ts';
import { createRegistry } from '../../src/kernel/registry.ts';
import { defineService, provide } from '../../src/kernel/service.ts';
import {
  adapter,
  claims,
  command,
  failureOf,
  page,
  plugin,
  prompt,
  route,
  shared,
} from './test-plugin.ts';

const Greeter = defineService<{ greet(): string }>('greeter');

describe('the registry', () => {
  describe('refuses two plugins that claim one', () => {
    const diagnosis = { name: 'queue', check: async () => [] };
    const accounts = { find: async () => undefined };
    const grant = async () => {};
    const Fired = defineEvent('alarm.fired');
    const collisions: Record<string, { what: string; one: Plugin; two: Plugin }> = {
      route: {
        what: 'route "GET /hello"',
        one: plugin('one', { routes: [route('get', '/hello')] }),
        two: plugin('two', { routes: [route('get', '/hello')] }),
      },
      'route that differs in the names of its parameters': {
        what: 'route "GET /things/:"',
        one: plugin('one', { routes: [route('get', '/things/:id')] }),
        two: plugin('two', { routes: [route('get', '/things/:name')] }),
      },
      'route that differs in case and in a slash at the end': {
        what: 'route "GET /hello"',
        one: plugin('one', { routes: [route('get', '/hello')] }),
        two: plugin('two', { routes: [route('get', '/Hello/')] }),
      },
      'path by a page and by a route': {
        what: 'route "POST /hello"',
        one: plugin('one', { pages: [page('post', '/hello')] }),
        two: plugin('two', { routes: [route('post', '/hello')] }),
      },
      claim: {
        what: 'claim "tier"',
        one: plugin('one', claims('tier')),
        two: plugin('two', claims('a', 'tier')),
      },
      grant: {
        what: 'grant "urn:example:grant"',
        one: plugin('one', { grants: { 'urn:example:grant': grant } }),
        two: plugin('two', { grants: { 'urn:example:grant': grant } }),
      },
      prompt: {
        what: 'prompt "mfa"',
        one: plugin('one', { prompts: [prompt('mfa')] }),
        two: plugin('two', { prompts: [prompt('mfa')] }),
      },
      event: {
        what: 'event "alarm.fired"',
        one: plugin('one', {}, { events: [Fired] }),
        two: plugin('two', {}, { events: [defineEvent('alarm.fired')] }),
      },
      command: {
        what: 'command "thing list"',
        one: plugin('one', {}, { commands: [command('thing list')] }),
        two: plugin('two', {}, { commands: [command('thing list')] }),
      },
      service: {
        what: 'service "greeter"',
        one: plugin('one', { provides: [provide(Greeter, { greet: () => 'a' })] }),
        two: plugin('two', { provides: [provide(Greeter, { greet: () => 'b' })] }),
      },
      'model of oidc-provider': {
        what: 'model "Client"',
        one: plugin('one', { oidcModels: { Client: adapter } }),
        two: plugin('two', { oidcModels: { Client: adapter } }),
      },
      diagnosis: {
        what: 'diagnosis "queue"',
        one: plugin('one', { diagnoses: [diagnosis] }),
        two: plugin('two', { diagnoses: [diagnosis] }),
      },
      'source of accounts': {
        what: 'contribution "accounts"',
        one: plugin('one', { accounts }),
        two: plugin('two', { accounts }),
      },
    };

    for (const [name, { what, one, two }] of Object.entries(collisions)) {
      it(`SEC-96: ${name}, and names both`, () => {
        const error = failureOf([one, two]);
        expect(error).to.be.instanceOf(PluginError);
        expect(error.message).to.equal(`Plugins "one" and "two" both claim the ${what}`);
        expect(() => createRegistry([one], shared, {})).not.to.throw();
        expect(() => createRegistry([two], shared, {})).not.to.throw();
      });
    }

    it('claims of one plugin as well', () => {
      expect(failureOf([plugin('one', claims('tier', 'tier'))]).message).to.contain('claim "tier"');
      const source = (place: 'access_token' | 'account') =>
        ({ names: ['tier'], in: [place], claims: async () => ({}) }) as const;
      const both = { claims: [source('access_token'), source('account')] };
      expect(
        () => createRegistry([plugin('one', both)], shared, {}),
        'in two places',
      ).not.to.throw();
    });

    it('but not one path with two methods', () => {
      const both = { routes: [route('get', '/hello')], pages: [page('post', '/hello')] };
      expect(() => createRegistry([plugin('one', both)], shared, {})).not.to.throw();
    });

    it('but JSON and forms of one plugin may come to one path', () => {
      const routes = [route('post', '/hello')];
      const pages = [page('post', '/hello')];
      expect(() => createRegistry([plugin('one', { routes, pages })], shared, {})).not.to.throw();
      const apart = [plugin('one', { routes }), plugin('two', { pages })];
      expect(failureOf(apart).message).to.contain('both claim the route "POST /hello"');
    });
  });

  describe('keeps for the core', () => {
    const expectCore = (intruder: Plugin, what: string): void => {
      expect(failureOf([intruder]).message).to.equal(
        `Plugins "core" and "evil" both claim the ${what}`,
      );
    };

    for (const name of [
      'iss',
      'sub',
      'aud',
      'exp',
      'jti',
      'client_id',
      'scope',
      'sid',
      'cnf',
      'act',
    ]) {
      it(`SEC-96: the claim ${name}`, () =>
        expectCore(plugin('evil', claims(name)), `claim "${name}"`));
    }

    for (const name of ['authorization_code', 'refresh_token', 'client_credentials']) {
      it(`SEC-96: the grant ${name}`, () =>
        expectCore(plugin('evil', { grants: { [name]: async () => {} } }), `grant "${name}"`));
    }

    for (const name of ['Session', 'AccessToken', 'AuthorizationCode', 'RefreshToken']) {
      it(`SEC-96: the model ${name}`, () =>
        expectCore(plugin('evil', { oidcModels: { [name]: adapter } }), `model "${name}"`));
    }

    for (const name of ['start', 'config', 'migrate', 'doctor']) {
      it(`SEC-96: the command ${name}`, () =>
        expectCore(plugin('evil', {}, { commands: [command(name)] }), `command "${name}"`));
    }

    it('SEC-96: subcommands of its commands', () =>
      expectCore(plugin('evil', {}, { commands: [command('migrate up')] }), 'command "migrate"'));

    const paths = [
      '/oidc/token',
      '/OIDC/authorize',
      '/oidc',
      '/.well-known/openid-configuration',
      '/health/live',
      '/assets/style.css',
      '/:anything',
      '/:anything/token',
      '/*rest',
      '/{oidc}/token',
      '/interaction/:uid/:step',
    ];
    for (const path of paths) {
      it(`SEC-96: the route ${path}`, () => {
        for (const added of [{ routes: [route('post', path)] }, { pages: [page('post', path)] }]) {
          expect(failureOf([plugin('evil', added)]).message).to.match(
            /^Plugins "core" and "evil" both claim the route "POST /,
          );
        }
      });
    }

    it('and nothing that only looks like it', () => {
      const paths = ['/oidc-tools', '/healthy', '/interaction/:uid/federated/finish', '/a/:b'];
      const routes = paths.map((path) => route('get', path));
      expect(() => createRegistry([plugin('one', { routes })], shared, {})).not.to.throw();
    });
  });
});
