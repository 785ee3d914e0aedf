import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { describeSettings, exampleEnvironment } from '../config/describe.ts';
import { builtIn } from '../src/plugins.ts';

const root = path.resolve(import.meta.dirname, '..');
const bin = (name: string): string => path.join(root, 'node_modules/.bin', name);

describe('architecture', () => {
  describe('plugins', () => {
    for (const { name } of builtIn) {
      it(`${name} has the shape of a plugin`, () => {
        const folder = path.join('src/plugins', name);
        const files = readdirSync(path.join(root, folder));
        expect(files).to.include.members(['index.ts', 'README.md']);
        expect(readFileSync(path.join(root, folder, 'index.ts'), 'utf8')).to.match(/^\/\*\* .+/);
      });
    }

    it('are all listed, and nothing else lies in the folder', () => {
      const folders = readdirSync(path.join(root, 'src/plugins'));
      expect(folders).to.have.members(builtIn.map(({ name }) => name));
    });
  });

  it('documents every setting, and .env.example is what `npm run env-example` writes', () => {
    for (const { name, description } of describeSettings({}, builtIn)) {
      expect(description, name).to.not.equal('');
    }
    const written = readFileSync(path.join(root, '.env.example'), 'utf8');
    expect(written).to.equal(exampleEnvironment(builtIn));
  });

  describe('time and randomness', () => {
    const OWN_SOURCE =
      /\bDate\.now\b|\bDate\(\)|\} = (?:Date|Math|crypto|performance)\b|\btimeOrigin\b|\bMath\.random\b|\brandom(Bytes|UUID|Int|Fill|FillSync)\b|\bgetRandomValues\b/;
    /** Everything else is given a `Clock` and a `Random`; how long a thing took tells `performance.now()`. */
    const REASONS: Readonly<Record<string, string>> = {
      'src/system.ts': 'what is given',
      'src/oidc/library-clock.ts': 'oidc-provider compares with the clock of this machine',
      'src/http/cookies.ts': 'lifetimes of cookies whose ends oidc-provider wrote',
      'db/migrator.ts': 'names of new files, by the clock of whoever writes them',
      'config/secret-key.ts': 'the first secret is made before anything can be given',
    };

    it('are arguments', () => {
      const found = ['src', 'config', 'db'].flatMap((folder) =>
        readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
          .filter((file) => file.endsWith('.ts'))
          .map((file) => path.join(folder, file))
          .filter((file) => OWN_SOURCE.test(readFileSync(path.join(root, file), 'utf8'))),
      );
      expect(found).to.have.members(Object.keys(REASONS));
    });

    it('are seen where they are not', () => {
      for (const text of [
        'Date.now()',
        'new Date()',
        'const { now } = Date;',
        'randomBytes(4)',
        '{ now: Date.now }',
      ])
        expect(text).to.match(OWN_SOURCE);
      for (const text of ['new Date(clock.now())', 'random.bytes(4)', 'performance.now()'])
        expect(text).to.not.match(OWN_SOURCE);
    });
  });

  it('gives a reason with every lint suppression', () => {
    const found = spawnSync(
      'git',
      ['grep', '-hE', 'biome-ignore|eslint-disable|@ts-expect-error'],
      {
        cwd: root,
        encoding: 'utf8',
      },
    )
      .stdout.split('\n')
      .filter((line) => /^\s*(\/\/|\/\*)/.test(line));
    for (const line of found) expect(line).to.match(/: \S+ \S+/);
    expect(found.length, found.join('\n')).to.be.at.most(15);
  });

  describe('checks that find what they are for', () => {
    let tree: string;

    /** A tree with our settings, and one fault. */
    const plant = (files: Record<string, string>): void => {
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(path.join(tree, path.dirname(file)), { recursive: true });
        writeFileSync(path.join(tree, file), text);
      }
    };

    beforeEach(() => {
      tree = mkdtempSync(path.join(tmpdir(), 'architecture-'));
      for (const file of [
        '.dependency-cruiser.cjs',
        'tsconfig.json',
        'eslint.config.js',
        'package.json',
      ]) {
        writeFileSync(path.join(tree, file), readFileSync(path.join(root, file)));
      }
      symlinkSync(path.join(root, 'node_modules'), path.join(tree, 'node_modules'));
    });
    afterEach(() => rmSync(tree, { recursive: true, force: true }));

    it('layers: each rule names the import that breaks it', () => {
      const value = 'export const value = 1;\n';
      const use = (from: string) =>
        `import { value } from '${from}';\nexport const used = value;\n`;
      plant({
        'src/kernel/clock.ts': value,
        'src/kernel/upward.ts': use('../http/app.ts'),
        'src/http/app.ts': use('../kernel/clock.ts').replace('used', 'value'),
        'src/http/plugin-user.ts': use('../plugins/users/contract.ts'),
        'src/oidc/sibling-user.ts': use('../http/app.ts'),
        'src/plugins/users/contract.ts': value,
        'src/plugins/users/model.ts': value,
        'src/plugins/roles/reaches-in.ts': use('../users/model.ts'),
        'src/plugins/roles/service.ts': `import { Sequelize } from 'sequelize';\nexport const orm = Sequelize;\n`,
        'src/plugins/roles/root-user.ts': use('../../app.ts'),
        'src/app.ts': value,
        'src/storage/one.ts': use('./two.ts').replace('used', 'value'),
        'src/storage/two.ts': use('./one.ts').replace('used', 'value'),
        'src/storage/nobody.ts': value,
      });
      const { stdout } = spawnSync(
        bin('depcruise'),
        ['src', '--config', '.dependency-cruiser.cjs', '--output-type', 'err'],
        { cwd: tree, encoding: 'utf8' },
      );
      for (const [rule, file] of Object.entries({
        'no-circular': 'src/storage/one.ts',
        'no-orphans': 'src/storage/nobody.ts',
        'kernel-imports-nothing-of-ours': 'src/kernel/upward.ts',
        'platform-knows-no-plugin': 'src/http/plugin-user.ts',
        'platform-folders-are-siblings': 'src/oidc/sibling-user.ts',
        'plugin-uses-kernel-and-contracts-only': 'src/plugins/roles/reaches-in.ts',
        'orm-only-in-models-and-migrations': 'src/plugins/roles/service.ts',
        'only-the-root-constructs': 'src/plugins/roles/root-user.ts',
      })) {
        expect(stdout, rule).to.match(new RegExp(`${rule}:? .*${file}`));
      }
    });

    it('typed lint: a write to the store that nobody waits for', () => {
      plant({
        'src/forgetful.ts': `interface Store { set(key: string): Promise<void> }
export async function forget(store: Store): Promise<void> {
  store.set('a');
  await store.set('b');
}\n`,
      });
      const { stdout, status } = spawnSync(bin('eslint'), ['src'], { cwd: tree, encoding: 'utf8' });
      expect(status).to.equal(1);
      expect(stdout).to.match(/3:3 .*no-floating-promises/);
      expect(stdout.match(/error /g)).to.have.lengthOf(1);
    });
  });

  it('has an entry in README or docs for every folder that they name', () => {
    const named = [
      ...readFileSync(path.join(root, 'README.md'), 'utf8').matchAll(/`(tests\/[\w/]+)`/g),
    ];
    for (const [, folder = ''] of named)
      expect(existsSync(path.join(root, folder)), folder).to.equal(true);
    expect(named).to.not.have.lengthOf(0);
  });
});
