import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { loadSettings, withSecretKey } from '../src/load-settings.ts';
import { builtIn, CORE_PLUGINS } from '../src/plugins.ts';
import { faultsOf, GOOD_KEY } from './config/config-faults.ts';
import { makeScratchFolder } from './support/scratch-folder.ts';

const ZOD = pathToFileURL(path.join(import.meta.dirname, '../node_modules/zod/index.js')).href;

describe('settings and plugins', () => {
  let folder: string;
  before(async () => {
    folder = await makeScratchFolder('load-settings-');
  });
  after(() => rm(folder, { recursive: true }));

  /** Writes a third-party plugin; `manifest` is source text. */
  async function writePlugin(name: string, manifest: string): Promise<string> {
    const file = path.join(folder, `${name}.mjs`);
    await writeFile(
      file,
      `import { z } from '${ZOD}';\nexport default { name: '${name}', kernel: 1, setup: () => ({}), settings: z.object({}), ${manifest} };\n`,
    );
    return file;
  }

  it('are the built-in ones by default', async () => {
    const { plugins, installed } = await loadSettings({});
    // Some wait for their settings: `google` for a client id.
    const wanted = builtIn.filter(({ enabled, settings }) => enabled?.(settings.parse({})) ?? true);
    expect(plugins.map(({ name }) => name)).to.have.members(wanted.map(({ name }) => name));
    expect(wanted.length).to.be.lessThan(builtIn.length);
    expect(installed).to.deep.equal(builtIn);
  });

  it('add those of PLUGINS and leave out those of PLUGINS_DISABLED', async () => {
    const hello = await writePlugin('hello', '');
    const loaded = await loadSettings({ PLUGINS: hello, PLUGINS_DISABLED: 'sign-in-notices' });
    const names = loaded.plugins.map(({ name }) => name);
    expect(names).to.include('hello').and.not.include('sign-in-notices');
    expect(loaded.installed.map(({ name }) => name)).to.include.members([
      'hello',
      'sign-in-notices',
    ]);
  });

  it('SEC-95 are refused together, with every fault', async () => {
    await writeFile(path.join(folder, 'empty.mjs'), 'export const nothing = 1;\n');
    const post = await writePlugin('post', 'settings: z.object({ POST_PORT: z.coerce.number() })');
    const faults = await faultsOf(() =>
      loadSettings({
        PUBLIC_URL: 'https://auth.example.com',
        SECRET_KEY: 'short',
        PORT: 'x',
        PLUGINS: [post, './nowhere.js', path.join(folder, 'empty.mjs'), '@acme/none'].join(),
        PLUGINS_DISABLED: 'nothing,grants',
        POST_PORT: 'y',
        ARGON2_PASSES: '1',
        PASSWORD_PEPPER_FILE: '/nowhere',
        SSL_CERT_FILE: '/nowhere',
      }),
    );
    const starts = [
      'PLUGINS: cannot load "./nowhere.js": ',
      `PLUGINS: "${path.join(folder, 'empty.mjs')}" exports no plugin`,
      'PLUGINS: cannot load "@acme/none": ',
      'PASSWORD_PEPPER_FILE: cannot read /nowhere',
      'PLUGINS_DISABLED: there is no plugin "nothing"',
      'PORT: must be a whole number',
      'SECRET_KEY: must have at least 32 bytes',
      'ARGON2_PASSES: must be at least 2',
      'POST_PORT: must be a whole number',
      'PLUGINS_DISABLED: "grants" cannot be left out, it is needed by "sessions", ',
    ];
    for (const start of starts) expect(faults.join('\n')).to.contain(start);
    expect(faults).to.have.lengthOf(starts.length);
  });

  const withNeeds = (names: readonly string[]): Set<string> => {
    const needs = builtIn
      .filter(({ name }) => names.includes(name))
      .flatMap((one) => one.dependsOn ?? []);
    const all = new Set([...names, ...needs]);
    return all.size === names.length ? all : withNeeds([...all]);
  };
  const CORE = [...withNeeds(CORE_PLUGINS)];
  for (const name of CORE) {
    it(`C15 PLUGINS_DISABLED=${name} is one clear error: who needs it is named, before anything starts`, async () => {
      const [fault = '', ...others] = await faultsOf(() =>
        loadSettings({ PLUGINS_DISABLED: name }),
      );
      expect(others).to.deep.equal([]);
      expect(fault).to.include(`PLUGINS_DISABLED: "${name}" cannot be left out, it is needed by `);
      const needers = builtIn.filter(({ dependsOn }) => dependsOn?.includes(name));
      const on = (await loadSettings({})).plugins.map((one) => one.name);
      for (const needer of needers)
        if (on.includes(needer.name)) expect(fault).to.include(`"${needer.name}"`);
      if (CORE_PLUGINS.includes(name)) expect(fault).to.include('needed by the core');
    });
  }

  it('C15 each of the others can be left out with what needs it, and all of them together', async () => {
    const others = builtIn.map(({ name }) => name).filter((name) => !CORE.includes(name));
    const needing = (name: string): string[] => [
      name,
      ...builtIn
        .filter(({ dependsOn }) => dependsOn?.includes(name))
        .flatMap((one) => needing(one.name)),
    ];
    for (const name of others) await loadSettings({ PLUGINS_DISABLED: needing(name).join() });
    const { plugins } = await loadSettings({ PLUGINS_DISABLED: others.join() });
    expect(plugins.map(({ name }) => name)).to.have.members(CORE);
  });

  it('C15 all left out at once are named, each with who needs it', async () => {
    const all = builtIn.map(({ name }) => name);
    const faults = await faultsOf(() =>
      loadSettings({ PLUGINS_DISABLED: [...all, ...all].join() }),
    );
    // Of what depends on each other nothing is left that could need the rest.
    const named = faults.map(
      (fault) => /^PLUGINS_DISABLED: "([\w-]+)" .* the core$/.exec(fault)?.[1],
    );
    expect(named).to.have.members(CORE_PLUGINS);
  });

  it('C15 what another plugin may provide is not refused by name, nor what it needs left out of the error', async () => {
    const other = await writePlugin('other-keys', "dependsOn: ['mail']");
    await loadSettings({ PLUGINS: other, PLUGINS_DISABLED: 'keys' });
    const settings = { PLUGINS: other, PLUGINS_DISABLED: 'mail,Keys' };
    const faults = await faultsOf(() => loadSettings(settings));
    expect(faults[0]).to.equal('PLUGINS_DISABLED: there is no plugin "Keys"');
    expect(faults[1]).to.match(/^PLUGINS_DISABLED: "mail" .*"other-keys"/);
    const optional = await writePlugin('optional', 'enabled: () => false');
    const needing = await writePlugin('needing', "dependsOn: ['optional']");
    const PLUGINS = [optional, needing].join();
    expect(await faultsOf(() => loadSettings({ PLUGINS }))).to.deep.equal([
      'Plugin "optional" is needed by "needing", and its settings leave it switched off',
    ]);
  });

  it('read NAME_FILE for plugins too, and for PLUGINS itself', async () => {
    const settings = 'settings: z.object({ VAULT_TOKEN: z.string().min(3) })';
    const plugin = await writePlugin('vault', settings);
    const [token, list] = [path.join(folder, 'token'), path.join(folder, 'list')];
    await writeFile(token, 'sesame\n');
    await writeFile(list, plugin);
    const loaded = await loadSettings({ PLUGINS_FILE: list, VAULT_TOKEN_FILE: token });
    expect(loaded.environment).to.include({ VAULT_TOKEN: 'sesame' });
    expect(loaded.plugins.map(({ name }) => name)).to.include('vault');
  });

  it('ask an optional plugin whether it is on', async () => {
    const plugin = await writePlugin(
      'sentry',
      'settings: z.object({ DSN: z.string().optional() }), enabled: ({ DSN }) => DSN !== undefined',
    );
    const isOn = async (settings: object) =>
      (await loadSettings({ PLUGINS: plugin, ...settings })).plugins.some(
        ({ name }) => name === 'sentry',
      );
    expect(await isOn({})).to.equal(false);
    expect(await isOn({ DSN: 'x' })).to.equal(true);
  });

  for (const provider of ['GOOGLE', 'GITHUB']) {
    it(`take half a client of ${provider} for a mistake: nobody would know why there is no button`, async () => {
      const [id, secret] = [`${provider}_CLIENT_ID`, `${provider}_CLIENT_SECRET`];
      expect(await faultsOf(() => loadSettings({ [id]: 'x' }))).to.deep.equal([
        `${secret}: is needed with ${id}`,
      ]);
      expect(await faultsOf(() => loadSettings({ [secret]: 'x' }))).to.deep.equal([
        `${id}: is needed with ${secret}`,
      ]);
      await loadSettings({ [id]: 'x', [secret]: 'y' });
    });
  }

  it('name the member of a setting that is a list', async () => {
    const OIDC_PROVIDERS = JSON.stringify([{ id: 'acme', client_id: 'c', client_secret: 's' }]);
    expect(await faultsOf(() => loadSettings({ OIDC_PROVIDERS }))).to.deep.equal([
      'OIDC_PROVIDERS: 0.name is missing',
      'OIDC_PROVIDERS: 0.issuer is missing',
    ]);
  });

  it('do not check settings of plugins that are left out', async () => {
    const plugin = await writePlugin('strict', 'settings: z.object({ NEEDED: z.string() })');
    expect(await faultsOf(() => loadSettings({ PLUGINS: plugin }))).to.have.lengthOf(1);
    await loadSettings({ PLUGINS: plugin, PLUGINS_DISABLED: 'strict' });
  });

  it('refuse plugins that clash or were written for another kernel, by name', async () => {
    const twin = await writePlugin('twin', "commands: [{ name: 'role create' }]");
    const old = await writePlugin('old', 'kernel: 0');
    const clash = await faultsOf(() => loadSettings({ PLUGINS: twin }));
    expect(clash).to.deep.equal([
      'Plugins "roles" and "twin" both claim the command "role create"',
    ]);
    const kernel = await faultsOf(() => loadSettings({ PLUGINS: old }));
    expect(kernel).to.deep.equal(['Plugin "old" was written for kernel 0; this is kernel 1']);
  });

  it('make a SECRET_KEY only when one is asked for', async () => {
    const DATA_DIR = path.join(folder, 'data');
    const { config } = await loadSettings({ DATA_DIR });
    expect(config.secretKeys).to.deep.equal([]);
    const [key] = withSecretKey(config).secretKeys;
    expect(key).to.match(/^[0-9a-f]{64}$/);
    expect(withSecretKey(config).secretKeys).to.deep.equal([key]);
    const given = await loadSettings({ SECRET_KEY: GOOD_KEY });
    expect(withSecretKey(given.config).secretKeys).to.deep.equal([GOOD_KEY]);
  });
});
