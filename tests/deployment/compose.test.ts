/** The container files, without an engine: that everything they name is there, and that the image's files run as it runs them. */
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFile(path.join(ROOT, file), 'utf8');
const isThere = (file: string) =>
  stat(path.join(ROOT, file)).then(
    () => true,
    () => false,
  );

interface Service {
  readonly image?: string;
  readonly build?: unknown;
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly healthcheck?: object;
  readonly read_only?: boolean;
  readonly command?: readonly string[];
  readonly profiles?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets?: Readonly<Record<string, { file: string }>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

const load = async (file: string): Promise<Compose> => parse(await read(file), { merge: true });

const FILES = ['docker-compose.yml', 'docker-compose.dev.yml', 'docker-compose.test.yml'];

async function expectVolumes(service: Service, { volumes = {} }: Compose): Promise<void> {
  const sources = (service.volumes ?? []).map((volume) => volume.split(':')[0] ?? '');
  for (const source of sources.filter((one) => one !== './nginx/certificates')) {
    if (source.startsWith('.')) expect(await isThere(source), source).to.equal(true);
    else expect(volumes).to.have.property(source);
  }
}

async function expectSecrets(service: Service, { secrets = {} }: Compose): Promise<void> {
  const script = await read('scripts/prepare-compose.sh');
  for (const secret of service.secrets ?? []) {
    expect(secrets[secret]?.file).to.equal(`./secrets/${secret}`);
    expect(script).to.include(`write ${secret} `);
  }
}

describe('docker compose files', () => {
  for (const file of FILES) {
    it(`${file} names only services, volumes, secrets and files that exist, in images of one version`, async () => {
      const compose = await load(file);
      for (const service of Object.values(compose.services)) {
        if (!service.build) expect(service.image).to.match(/:[\w.]*\d|:local$/);
        expect(Object.keys(compose.services)).to.include.members(
          Object.keys(service.depends_on ?? {}),
        );
        await expectVolumes(service, compose);
        await expectSecrets(service, compose);
      }
    });
  }

  it('start in an order that health decides', async () => {
    const { services } = await load('docker-compose.yml');
    for (const name of ['app-1', 'app-2']) {
      expect(services[name]?.depends_on).to.deep.equal({
        migrate: { condition: 'service_completed_successfully' },
        redis: { condition: 'service_healthy' },
      });
    }
    expect(services['migrate']?.depends_on).to.deep.equal({
      postgres: { condition: 'service_healthy' },
    });
    expect(services['postgres']?.healthcheck).to.be.an('object');
    expect(services['redis']?.healthcheck).to.be.an('object');
    expect(services['nginx']?.depends_on).to.deep.equal({
      'app-1': { condition: 'service_healthy' },
      'app-2': { condition: 'service_healthy' },
    });
  });

  it('trace to Jaeger, which nobody waits for, and watch on demand', async () => {
    const { services } = await load('docker-compose.yml');
    const { environment = {} } = services['app-1'] ?? {};
    expect(environment['OTEL_EXPORTER_OTLP_ENDPOINT']).to.equal('http://jaeger:4318');
    expect(services).to.have.property('jaeger').that.not.has.property('profiles');
    for (const { depends_on = {} } of Object.values(services)) {
      expect(Object.keys(depends_on)).not.to.include('jaeger');
    }
    for (const name of ['prometheus', 'grafana']) {
      expect(services[name]?.profiles).to.deep.equal(['monitoring']);
    }
  });

  it('are what Docker Compose understands, where there is one', async function () {
    const isThere = spawnSync('docker', ['compose', 'version']).status === 0;
    if (!isThere) return this.skip();
    for (const file of FILES) {
      const read = spawnSync('docker', ['compose', '--file', file, 'config', '--quiet'], {
        cwd: ROOT,
        encoding: 'utf8',
      });
      expect(read.status, read.stderr).to.equal(0);
    }
  });

  it('give the server settings that it knows, secrets by file, and nginx every name of its template', async () => {
    const { services } = await load('docker-compose.yml');
    const known = [...(await read('.env.example')).matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map(
      ([, name]) => name,
    );
    for (const name of Object.keys(services['app-1']?.environment ?? {})) {
      expect(known, name).to.include(name.replace(/_FILE$/, ''));
    }
    expect(services['app-1']?.read_only).to.equal(true);
    const template = await read('nginx/nginx.conf.template');
    const { environment = {} } = services['nginx'] ?? {};
    const filter = new RegExp(environment['NGINX_ENVSUBST_FILTER']?.replace('$$', '$') ?? '');
    for (const [, name = ''] of template.matchAll(/\$\{(\w+)\}/g)) {
      expect(environment).to.have.property(name);
      expect(name).to.match(filter);
    }
  });
});

describe('Dockerfile', function () {
  this.timeout(60_000);
  let image: string;

  before(async () => {
    image = await mkdtemp(path.join(tmpdir(), 'image-'));
    const built = spawnSync(process.execPath, ['scripts/build.js'], { cwd: ROOT });
    expect(built.status).to.equal(0);
  });
  after(() => rm(image, { recursive: true, force: true }));

  it('copies what the server needs, and it runs as a user who may write nowhere', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const dockerfile = await read('Dockerfile');
    for (const [, sources = ''] of dockerfile.matchAll(/^COPY --from=build (.*) \S+$/gm)) {
      for (const source of sources.split(' ').map((one) => one.replace('/build/', ''))) {
        await mkdir(path.dirname(path.join(image, source)), { recursive: true });
        if (source === 'node_modules')
          await symlink(path.join(ROOT, source), path.join(image, source));
        else await cp(path.join(ROOT, source), path.join(image, source), { recursive: true });
      }
    }
    spawnSync('chmod', ['-R', 'a+rX,go-w', image]);
    const run = (...args: string[]) =>
      spawnSync(process.execPath, ['bin/authsrv.js', ...args], {
        cwd: image,
        uid: 65_534,
        gid: 65_534,
        encoding: 'utf8',
        env: {
          NODE_ENV: 'production',
          PUBLIC_URL: 'https://auth.example.com',
          SECRET_KEY: 'a-key-of-the-image-test-0123456789-0123456789',
          DATABASE_URL: 'postgres://nobody:x@127.0.0.1:1/none',
        },
      });
    expect(run('--version').stdout).to.match(/^\d+\.\d+\.\d+/);
    const config = run('config', '--json');
    expect(config.status, config.stderr).to.equal(0);
  });

  it('sends only what the build needs to the engine', async () => {
    const lines = (await read('.dockerignore')).split('\n').filter(Boolean);
    expect(lines[0]).to.equal('*');
    for (const line of lines.slice(1)) expect(await isThere(line.slice(1)), line).to.equal(true);
    expect(lines).to.not.include('!.env');
  });
});
