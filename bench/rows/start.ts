/** From nothing to the first token with nothing but a folder: PostgreSQL is unpacked, made and migrated on the way. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawnServerProcess } from '../../tests/support/server-process.ts';
import { createHttpClient } from '../load/http-client.ts';
import { type Cores, memoryOf } from '../machine.ts';
import { logIn, registerPeople } from '../stage/our-server.ts';
import { spreadOf } from '../statistics.ts';
import type { Finding, Row } from './row.ts';

interface Start {
  /** Milliseconds until the tokens of a first login. */
  readonly milliseconds: number;
  /** Megabytes then. */
  readonly memory: number;
}

/** `isNew`: somebody has to be registered first. */
async function startOnce(cores: Cores, dataDir: string, isNew: boolean): Promise<Start> {
  const begun = performance.now();
  const server = await spawnServerProcess({
    settings: { NODE_ENV: 'production', RATE_LIMIT: 'on', DATA_DIR: dataDir },
  });
  await cores.free(server.pid);
  const http = createHttpClient(server.socket, 1);
  try {
    await server.ready();
    if (isNew) await registerPeople(http, 1);
    await logIn(http, 0);
    const milliseconds = performance.now() - begun;
    return { milliseconds, memory: (await memoryOf(server.pid)).resident };
  } finally {
    http.close();
    await server.stop();
  }
}

async function startTwice(cores: Cores): Promise<{ first: Start; again: Start }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-start-'));
  try {
    const first = await startOnce(cores, path.join(folder, 'data'), true);
    return { first, again: await startOnce(cores, path.join(folder, 'data'), false) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const MOST_MEMORY = 180;

function timeFinding(work: string, starts: readonly Start[], most: number): Finding {
  const { median, min, max } = spreadOf(starts.map(({ milliseconds }) => milliseconds / 1000));
  const value = `${median.toFixed(2)} s (${min.toFixed(2)}..${max.toFixed(2)})`;
  return { kind: 'fact', work, target: `≤ ${most} s`, value, reached: median <= most };
}

export const start: Row = {
  name: 'start',
  async run({ ours, options, cores }) {
    const firsts: Start[] = [];
    const later: Start[] = [];
    for (let round = 0; round < options.rounds; round += 1) {
      const { first, again } = await startTwice(cores);
      firsts.push(first);
      later.push(again);
    }
    const { median } = spreadOf(later.map(({ memory }) => memory));
    const { peak } = await memoryOf(ours.pid);
    return [
      timeFinding('first start to first token, embedded', firsts, 3),
      timeFinding('later start to first token, embedded', later, 1.5),
      {
        kind: 'fact',
        work: 'memory after a start, and at most under all load so far',
        target: `≤ ${MOST_MEMORY} MB`,
        value: `${median.toFixed(0)} MB; ${peak.toFixed(0)} MB`,
        reached: median <= MOST_MEMORY,
      },
    ];
  },
};
