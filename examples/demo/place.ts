/** Where a demo keeps its data and which ports it takes. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';

export interface Ports {
  readonly server: number;
  readonly relyingParty: number;
  readonly api: number;
  /** An API whose clock runs ahead. */
  readonly lateApi: number;
}

/** `wish` when it is free, else any free port of 127.0.0.1. */
async function freePort(wish = 0): Promise<number> {
  const probe = createServer().listen(wish, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch {
    return freePort();
  }
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

export const usualPorts = async (): Promise<Ports> => ({
  server: await freePort(3000),
  relyingParty: await freePort(3001),
  api: await freePort(3002),
  lateApi: 0,
});

export async function anyPorts(): Promise<Ports> {
  const [server = 0, relyingParty = 0, api = 0, lateApi = 0] = await Promise.all(
    Array.from({ length: 4 }, () => freePort()),
  );
  return { server, relyingParty, api, lateApi };
}

/** Something to be removed after use. */
export interface Temporary {
  readonly value: string;
  remove(): Promise<void>;
}

export async function temporaryFolder(): Promise<Temporary> {
  const value = await mkdtemp(path.join(tmpdir(), 'auth-service-demo-'));
  return { value, remove: () => rm(value, { recursive: true, force: true }) };
}

/** An empty database next to the given one, so that a check leaves no users behind. */
export async function temporaryDatabase(serverUrl: string): Promise<Temporary> {
  const name = `auth_demo_${randomBytes(8).toString('hex')}`;
  await runSql(serverUrl, `CREATE DATABASE ${name} TEMPLATE template0`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    value: url.href,
    remove: () => runSql(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function runSql(connectionString: string, sql: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
