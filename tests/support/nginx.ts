/** A real nginx with the configuration that ships, in front of nodes of a test. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import path from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.ts';
import { findProgram, thisMachine } from './find-program.ts';
import { freePort } from './free-port.ts';
import { makeScratchFolder } from './scratch-folder.ts';

const run = promisify(execFile);
const FOLDER = path.resolve(import.meta.dirname, '../../nginx');

export interface Nginx {
  /** `https://localhost:<port>` */
  readonly origin: string;
  /** `http://localhost:<port>` */
  readonly plainOrigin: string;
  /** PEM of the authority that signed its certificate. */
  readonly ca: string;
  /** Its access log so far. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

/** Undefined where no nginx can be had. `openssl` is needed too. */
export const findNginx = (): Promise<string | undefined> =>
  findProgram(
    { names: ['nginx'], suites: 'the topology behind nginx', versionFlag: '-v' },
    thisMachine('nginx-light'),
  );

/** Ports are chosen before the nodes start, since they need PUBLIC_URL. */
export async function prepareNginx(program: string) {
  const folder = await makeScratchFolder('nginx-');
  const [https, http] = [await freePort(), await freePort()];
  const certificates = path.join(folder, 'certificates');
  await run(path.join(FOLDER, 'make-certificate.sh'), ['localhost', certificates]);
  const origin = `https://localhost:${https}`;

  /** `nodes`: ports on this machine. `change`: of the template, as somebody wrote their own. Resolves when it answers. */
  const start = async (
    nodes: readonly number[],
    change = (template: string): string => template,
  ): Promise<Nginx> => {
    const configuration = path.join(folder, 'nginx.conf');
    await mkdir(path.join(folder, 'run'), { recursive: true });
    const accessLog = path.join(folder, 'access.log');
    const template = change(await readFile(path.join(FOLDER, 'nginx.conf.template'), 'utf8'));
    const names: Readonly<Record<string, string>> = {
      SERVER_NAME: 'localhost',
      PUBLIC_ORIGIN: origin,
      HTTP_PORT: String(http),
      HTTPS_PORT: String(https),
      UPSTREAM_SERVERS: nodes
        .map((port) => `server 127.0.0.1:${port} max_fails=5 fail_timeout=2s;`)
        .join(' '),
      CONFIGURATION: FOLDER,
      CERTIFICATES: certificates,
      RUN: path.join(folder, 'run'),
      ACCESS_LOG: accessLog,
    };
    await writeFile(
      configuration,
      template.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => names[name] ?? fail(name)),
    );
    const child = spawn(program, ['-c', configuration, '-g', 'daemon off;'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const onExit = () => child.kill('SIGKILL');
    process.once('exit', onExit);
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (bytes: Buffer) => output.push(...bytes.toString().trim().split('\n')));
    }
    const ca = await readFile(path.join(certificates, 'ca.crt'), 'utf8');
    await answers(`${origin}/health/live`, ca, child, output);
    return {
      origin,
      plainOrigin: `http://localhost:${http}`,
      ca,
      log: () => readFile(accessLog, 'utf8'),
      async stop() {
        process.off('exit', onExit);
        if (child.exitCode !== null) return;
        child.kill('SIGQUIT');
        await once(child, 'close');
      },
    };
  };
  return { origin, start };
}

function fail(name: string): never {
  throw new Error(`nginx.conf.template names \${${name}}, which nobody sets`);
}

const answers = (url: string, ca: string, child: ChildProcess, output: readonly string[]) =>
  eventually(
    () =>
      new Promise<void>((resolve, reject) => {
        if (child.exitCode !== null) reject(new Error(`nginx ended:\n${output.join('\n')}`));
        get(url, { ca }, (response) => {
          response.resume();
          resolve();
        }).on('error', reject);
      }),
    10_000,
  );
