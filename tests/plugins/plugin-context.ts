/** What a plugin is set up with, for tests: real database, settable clock, recorded events and log. */
import { randomBytes, randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createRenderer } from '../../src/http/render.ts';
import type { Clock, Random } from '../../src/kernel/clock.ts';
import type { EventType } from '../../src/kernel/events.ts';
import type { OidcEngine } from '../../src/kernel/oidc.ts';
import type { Command, CommandIo, Contributions, PluginContext } from '../../src/kernel/plugin.ts';
import type { Provided, ServiceToken } from '../../src/kernel/service.ts';
import type { Database, StateStore } from '../../src/kernel/store.ts';
import { noSpan } from '../../src/kernel/telemetry.ts';
import { createRecordingLog } from '../support/log.ts';
import { outgoingOf } from '../support/outgoing.ts';

const render = createRenderer({
  folder: fileURLToPath(new URL('../../views', import.meta.url)),
  assetBase: '/assets',
  productName: 'Auth Service',
});

export const testRandom: Random = {
  bytes: (count) => randomBytes(count),
  token: (count = 32) => randomBytes(count).toString('base64url'),
  uuid: () => randomUUID(),
};

export const testClock = (now = Date.UTC(2026, 10, 22)): Clock & { time: number } => ({
  time: now,
  now() {
    return this.time;
  },
});

/** A port of which only the given members may be called: any other call fails. */
export const untouched = <Port extends object>(name: string, given: Partial<Port> = {}): Port =>
  new Proxy(given as Port, {
    get: (target, member) =>
      Reflect.get(target, member) ??
      (() => {
        throw new Error(`${name}.${String(member)} was not expected to be called`);
      }),
  });

interface Given {
  readonly db?: Database;
  readonly store?: StateStore;
  readonly publicUrl?: string;
  readonly secrets?: readonly [Buffer, ...Buffer[]];
  readonly services?: readonly Provided[];
}

export function createPluginContext(given: Given = {}) {
  const emitted: { event: string; payload: unknown }[] = [];
  const log = createRecordingLog();
  const use = <Service>(token: ServiceToken<Service>): Service =>
    findService(given.services ?? [], token);
  const context: PluginContext<Record<string, never>> = {
    settings: {},
    core: {
      publicUrl: new URL(given.publicUrl ?? 'https://auth.example.com'),
      apiAudience: 'https://auth.example.com/api',
      apiTitle: 'auth.example.com',
      apiScopes: [],
      accessTokenTtl: 600,
      refreshTokenTtl: 2_592_000,
      sessionIdleTtl: 1_209_600,
      sessionTtl: 7_776_000,
      jwksMaxAge: 300,
      registration: 'open',
      corsOrigins: [],
    },
    secrets: { keys: () => given.secrets ?? [Buffer.alloc(32, 1)] },
    clock: testClock(),
    random: testRandom,
    db: given.db ?? untouched('db'),
    store: given.store ?? untouched('store'),
    events: {
      emit: <Payload>({ name }: EventType<Payload>, payload: Payload) => {
        emitted.push({ event: name, payload });
      },
    },
    log,
    oidc: untouched<OidcEngine>('oidc', { issuer: 'https://auth.example.com' }),
    outgoing: outgoingOf(given.publicUrl ?? 'https://auth.example.com', {
      resolve: async (host) => Promise.reject(new Error(`nobody resolves ${host} here`)),
    }),
    render,
    span: noSpan,
    userData: untouched('userData'),
    credentialsChanged: async () => undefined,
    afterRestore: async () => undefined,
    use,
  };
  return { context, emitted, log };
}

/** The service of a token among what plugins provide. */
export function findService<Service>(
  provided: readonly Provided[],
  { name }: ServiceToken<Service>,
): Service {
  const found = provided.find(({ token }) => token.name === name);
  if (!found) throw new Error(`Nobody provides ${name}`);
  return found.service as Service;
}

/** Runs a command as `authsrv` would; answers what it printed. */
export async function runCommand(
  commands: readonly Command[],
  line: { name: string; args?: string[]; options?: object; stdin?: string },
  provides: Contributions['provides'],
) {
  const out: string[] = [];
  const note: string[] = [];
  const recorded: string[] = [];
  const io: CommandIo = {
    out: (text) => out.push(text),
    note: (text) => note.push(text),
    askSecret: async () => undefined,
    readStdin: async () => line.stdin ?? '',
  };
  const command = commands.find(({ name }) => name === line.name);
  if (!command) throw new Error(`There is no command ${line.name}`);
  await command.run({
    args: line.args ?? [],
    options: { ...line.options },
    io,
    random: testRandom,
    record: (action, target) => void recorded.push(`${action} ${target}`),
    use: (token) => findService(provides ?? [], token),
  });
  return { out, note, recorded, text: out.join('\n') };
}
