/** What is installed: pinned, without scripts, and listed (SEC-96). */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';

const ROOT = path.resolve(import.meta.dirname, '..');
const read = async <Content>(file: string): Promise<Content> =>
  JSON.parse(await readFile(path.join(ROOT, file), 'utf8')) as Content;

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

interface Locked {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly integrity?: string;
}

interface Lock {
  readonly packages: Readonly<Record<string, Locked>>;
}

/** Of the packages that production runs on every machine. */
const isProduction = ({ dev, devOptional, optional }: Locked): boolean =>
  !dev && !devOptional && !optional;

const withScripts = ({ packages }: Lock): string[] =>
  Object.entries(packages)
    .filter(([name, locked]) => name !== '' && isProduction(locked) && locked.hasInstallScript)
    .map(([name]) => name);

describe('SEC-96: the supply chain', function () {
  this.timeout(60_000);

  it('pins every direct dependency to one version', async () => {
    const manifest = await read<Manifest>('package.json');
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const all = { ...dependencies, ...devDependencies, ...optionalDependencies };
    for (const [name, version] of Object.entries(all)) {
      expect(version, name).to.match(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
    }
  });

  it('has no install script in production, and a checksum of every package in it', async () => {
    const lock = await read<Lock>('package-lock.json');
    expect(withScripts(lock)).to.deep.equal([]);
    for (const [name, locked] of Object.entries(lock.packages)) {
      if (name === '' || !isProduction(locked)) continue;
      expect(locked.integrity, name).to.match(/^sha512-/);
    }
    const planted = { packages: { 'node_modules/bad': { hasInstallScript: true } } };
    expect(withScripts(planted)).to.deep.equal(['node_modules/bad']);
  });

  it('runs no script of a package on install', async () => {
    expect(await readFile(path.join(ROOT, '.npmrc'), 'utf8')).to.match(
      /^ignore-scripts ?= ?true$/m,
    );
  });

  it('lists what production consists of as CycloneDX: npm run sbom', async () => {
    const made = spawnSync('npm', ['run', '--silent', 'sbom'], { cwd: ROOT, encoding: 'utf8' });
    expect(made.status, made.stderr).to.equal(0);
    const sbom = JSON.parse(made.stdout) as {
      bomFormat: string;
      specVersion: string;
      components: readonly { name: string; version: string; purl: string }[];
    };
    expect(sbom).to.include({ bomFormat: 'CycloneDX' });
    const { dependencies } = await read<Manifest>('package.json');
    const listed = sbom.components.map(({ purl }) => decodeURIComponent(purl));
    for (const [name, version] of Object.entries(dependencies)) {
      expect(listed).to.include(`pkg:npm/${name}@${version}`);
    }
    expect(sbom.components.map(({ name }) => name)).not.to.include('mocha');
  });
});
