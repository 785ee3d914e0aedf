import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createConnection, type Socket } from 'node:net';
import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import Koa from 'koa';
import { z } from 'zod';
import type { HasClient } from '../../src/http/authenticate.ts';
import { cookieTable } from '../../src/http/cookies.ts';
import { sendProblem, toProblem } from '../../src/http/problem-response.ts';
import { routeHandler } from '../../src/http/route-handler.ts';
import { access, defineStream, type Principal, type StreamEvent } from '../../src/kernel/route.ts';
import { StoreUnavailable } from '../../src/kernel/store.ts';
import { createRecordingLog } from '../support/log.ts';

const NOW = 1_800_000_000_000;
const COOKIES = cookieTable(new URL('https://auth.example.com'));

/** Resolves when it has come true, without any timer: those are the test's. */
async function until(check: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!check()) {
    if (performance.now() > end) throw new Error('It did not come true in time');
    await turn();
  }
}

describe('event streams', () => {
  let server: Server;
  let socket: Socket;
  let received: string;
  let isOver: boolean;
  let draining: AbortController;
  let principal: Principal | undefined;
  let hasClient: HasClient;
  let log: ReturnType<typeof createRecordingLog>;
  let signal: AbortSignal | undefined;
  let events: () => AsyncIterable<StreamEvent<{ word: string }>>;

  /** Waits for its end. */
  async function* quiet(): AsyncGenerator<{ comment: string }> {
    yield { comment: 'waiting' };
    if (signal && !signal.aborted) await once(signal, 'abort');
  }

  beforeEach(async () => {
    [received, isOver, signal] = ['', false, undefined];
    draining = new AbortController();
    principal = {
      sub: 'client-1',
      clientId: 'client-1',
      scopes: new Set(['words']),
      roles: [],
      expiresAt: NOW / 1000 + 600,
    };
    hasClient = async () => true;
    log = createRecordingLog();
    events = quiet;
    const route = defineStream({
      path: '/words',
      access: access.client('words'),
      summary: 'Words',
      event: z.object({ word: z.string() }),
      problems: [],
      open: async (input) => {
        signal = input.signal;
        return events();
      },
    });
    const app = new Koa();
    app.use(async (ctx, next) => {
      try {
        await next();
      } catch (error) {
        sendProblem(ctx, toProblem(error));
      }
    });
    app.use(
      routeHandler(route, {
        cookies: COOKIES,
        verifyToken: async () => principal,
        hasRole: async () => false,
        isRecent: async () => false,
        hasClient: (id) => hasClient(id),
        isOwnClient: async () => true,
        draining: draining.signal,
        clock: { now: () => NOW },
        log,
        allowedOrigins: new Set(),
        requestInfo: () => ({}) as never,
        limit: async () => undefined,
      }),
    );
    const callback = app.callback();
    server = createServer((req, res) => void callback(req, res)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  });

  afterEach(() => {
    mock.timers.reset();
    socket.destroy();
    server.closeAllConnections();
    server.close();
  });

  /** Resolves once the stream is open, or the answer is there. */
  async function open(method = 'GET'): Promise<void> {
    socket = createConnection((server.address() as AddressInfo).port, '127.0.0.1');
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
    });
    socket.on('close', () => {
      isOver = true;
    });
    socket.on('error', () => undefined);
    socket.write(`${method} /words HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n`);
    await until(() => received.includes('\r\n\r\n'));
  }
  /** The last chunk of an answer that ended well. */
  const isComplete = (): boolean => received.endsWith('0\r\n\r\n');
  const expectEnded = async (): Promise<void> => {
    await until(isComplete);
    expect(signal?.aborted).to.equal(true);
  };

  it('end when the token expires, and not before', async () => {
    await open();
    mock.timers.tick(599_999);
    await turn();
    expect(isComplete()).to.equal(false);
    mock.timers.tick(1);
    await expectEnded();
  });

  it('C8 stay open with a token that lives longer than one timer can count, and end with it', async () => {
    const lifetime = 60 * 86_400_000;
    principal = { ...(principal as Principal), expiresAt: (NOW + lifetime) / 1000 };
    // As Node's own timers have it: what is too long fires at once.
    const setMocked = globalThis.setTimeout;
    globalThis.setTimeout = ((work: () => void, delay: number) =>
      setMocked(work, delay > 2 ** 31 - 1 ? 1 : delay)) as typeof setTimeout;
    try {
      await open();
      const step = 2 ** 31 - 1;
      for (const time of [1, step - 1, step, lifetime - 2 * step - 1]) {
        mock.timers.tick(time);
        await turn();
        expect(isComplete()).to.equal(false);
      }
      mock.timers.tick(1);
      await expectEnded();
    } finally {
      globalThis.setTimeout = setMocked;
    }
  });

  it('end within 15 s when the token is denied', async () => {
    await open();
    mock.timers.tick(15_000);
    await turn();
    expect(isComplete()).to.equal(false);
    principal = undefined;
    mock.timers.tick(15_000);
    await expectEnded();
  });

  it('end within 15 s when the client is deleted, but not for a store that is away', async () => {
    await open();
    hasClient = async () => {
      throw new StoreUnavailable('away');
    };
    mock.timers.tick(15_000);
    await turn();
    expect(isComplete()).to.equal(false);
    hasClient = async () => false;
    mock.timers.tick(15_000);
    await expectEnded();
  });

  it('end at once when the process is about to stop, and none is opened any more', async () => {
    await open();
    draining.abort();
    await expectEnded();
    received = '';
    await open();
    expect(received)
      .to.match(/^HTTP\/1.1 503 /)
      .and.match(/\r\nRetry-After: \d+\r\n/i);
  });

  it('are cut off when nobody reads them: only so much waits for a client', async () => {
    let sent = 0;
    events = async function* () {
      while (!signal?.aborted) {
        sent += 1;
        yield { id: '1', data: { word: 'x'.repeat(10_000) } };
      }
    };
    await open();
    socket.pause();
    let before = -1;
    // It comes to rest when all buffers between the two are full.
    for (let quietTurns = 0; quietTurns < 2_000; quietTurns += 1) {
      if (sent !== before) quietTurns = 0;
      before = sent;
      await turn();
    }
    mock.timers.tick(29_000);
    expect(signal?.aborted).to.equal(false);
    mock.timers.tick(1_000);
    await until(() => signal?.aborted === true);
    socket.resume();
    await until(() => isOver);
    expect(isComplete()).to.equal(false);
  });

  it('tell their source when the client has gone, and are no fault', async () => {
    await open();
    socket.destroy();
    await until(() => signal?.aborted === true);
    await turn();
    expect(log.entries.filter(({ level }) => level !== 'debug')).to.deep.equal([]);
  });

  it('are not opened for who has gone while it was found out whether they may', async () => {
    const isGone = once(server, 'connection').then(([peer]) => once(peer as Socket, 'close'));
    let isFound = false;
    hasClient = async () => {
      socket.destroy();
      await isGone;
      isFound = true;
      return true;
    };
    open().catch(() => undefined);
    await until(() => isFound);
    await turn();
    expect(signal).to.equal(undefined);
  });

  it('break off when their source fails, and say so in the log', async () => {
    events = async function* () {
      yield { id: '1', data: { word: 'one' } };
      await until(() => received.includes('one'));
      throw new Error('no more words');
    };
    await open();
    await until(() => isOver);
    expect(isComplete()).to.equal(false);
    expect(log.entries.find(({ level }) => level === 'warn')?.fields).to.include({
      event: 'stream.failed',
    });
  });

  it('carry what the schema names and nothing else, one line each', async () => {
    events = async function* () {
      yield { id: '7-1', event: 'word', data: { word: 'a\nb', secret: 'x' } as { word: string } };
      yield { comment: 'alive' };
    };
    await open();
    await until(isComplete);
    expect(received).to.include('id: 7-1\nevent: word\ndata: {"word":"a\\nb"}\n\n');
    expect(received).to.include(': alive\n\n');
    expect(received).to.match(/\r\ncontent-type: text\/event-stream/i);
    expect(received).to.match(/\r\nx-accel-buffering: no\r\n/i);
    expect(received).to.match(/\r\ncache-control: no-store\r\n/i);
  });

  it('are not opened by HEAD', async () => {
    await open('HEAD');
    expect(received).to.match(/^HTTP\/1.1 200 /);
    expect(signal).to.equal(undefined);
  });
});
