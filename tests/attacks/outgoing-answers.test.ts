/** What is connected to is what was checked, and its answer is bounded: names, certificates, redirects, sizes, times. */
import type { RequestListener } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { OutgoingOptions } from '../../src/outgoing/create-outgoing.ts';
import { type Listener, listenWith } from '../support/listeners.ts';
import { outgoingOf } from '../support/outgoing.ts';
import { rpCertificate as certificate } from '../support/rp-certificate.ts';

const PUBLIC = 'https://auth.example.com';
const LIMIT = 4096;

describe('answers of those who are called', () => {
  let open: Listener[];

  beforeEach(() => {
    open = [];
  });
  afterEach(() => {
    for (const listener of open) listener.close();
  });

  const serve = async (answer: RequestListener, options = {}): Promise<Listener> => {
    const listener = await listenWith(answer, options);
    open.push(listener);
    return listener;
  };

  /** For plain http on this machine. */
  const local = (options: Partial<OutgoingOptions> = {}) =>
    outgoingOf('http://localhost:3000', { limit: LIMIT, ...options }).fetch;

  const causeOf = async (work: Promise<unknown>): Promise<string> => {
    const error = await work.then(
      () => new Error('nothing failed'),
      (failure: Error) => failure,
    );
    expect(error.message).to.equal('fetch failed');
    return (error.cause as Error).message;
  };

  const ok: RequestListener = (_req, res) => res.end('ok');

  describe('over TLS', () => {
    /** `rp.example` on loopback, which its operator allowed. */
    const overTls = (options: Partial<OutgoingOptions> = {}) =>
      outgoingOf(PUBLIC, {
        named: ['127.0.0.2'],
        ca: certificate.cert,
        resolve: async () => ['127.0.0.2'],
        ...options,
      });

    it('SEC-66 the address that was checked is the one that is connected to, whatever is said later (DNS rebinding)', async () => {
      const named = await serve(ok, { address: '127.0.0.2', certificate });
      const { port } = named;
      const inner = await serve(ok, { address: '127.0.0.1', port, certificate });
      const answers = [['127.0.0.2'], ['127.0.0.1'], ['127.0.0.1']];
      let asked = 0;
      const { fetch } = overTls({ resolve: async () => answers[asked++] ?? [] });
      const answer = await fetch(`https://rp.example:${port}/logout`);
      expect([answer.status, await answer.text()]).to.deep.equal([200, 'ok']);
      expect([asked, named.connections, inner.connections]).to.deep.equal([1, 1, 0]);
      const second = await causeOf(fetch(`https://rp.example:${port}/logout`));
      expect(second).to.include('OUTGOING_PRIVATE');
      expect([asked, named.connections, inner.connections]).to.deep.equal([2, 1, 0]);
    });

    it('SEC-66 the certificate is that of the name, from an authority that is trusted', async () => {
      const listener = await serve(ok, { address: '127.0.0.2', certificate });
      const url = (host: string) => `https://${host}:${listener.port}/`;
      const { fetch } = overTls();
      expect((await fetch(url('rp.example'))).status).to.equal(200);
      expect(listener.serverNames).to.deep.equal(['rp.example']);
      expect(await causeOf(fetch(url('other.example')))).to.match(/altnames|does not match/i);
      expect(await causeOf(fetch(url('127.0.0.2')))).to.match(/altnames|does not match/i);
      const untrusting = outgoingOf(PUBLIC, {
        named: ['127.0.0.2'],
        resolve: async () => ['127.0.0.2'],
      });
      expect(await causeOf(untrusting.fetch(url('rp.example')))).to.match(/self.signed/i);
      // No header of a caller's makes it another name.
      const headers = { host: 'rp.example' };
      expect(await causeOf(fetch(url('other.example'), { headers }))).to.match(/altnames|match/i);
      expect(listener.serverNames).to.deep.equal(['rp.example']);
    });

    it('SEC-66 a name that needs https is not called without', async () => {
      const listener = await serve(ok, { address: '127.0.0.2' });
      const { fetch } = overTls();
      const url = `http://rp.example:${listener.port}/`;
      expect(await causeOf(fetch(url))).to.include('with https');
      expect(listener.connections).to.equal(0);
    });
  });

  it('sends method, headers and body as fetch does', async () => {
    const seen: unknown[] = [];
    const { port } = await serve((req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const { method, url, headers } = req;
        const { 'content-type': type, authorization, host } = headers;
        seen.push([method, url, type, authorization, host, Buffer.concat(chunks).toString()]);
        res.writeHead(201, { 'x-one': 'a', 'set-cookie': ['b=1', 'c=2'] }).end('{"d":1}');
      });
    });
    const answer = await local()(`http://127.0.0.1:${port}/p?q=1#f`, {
      method: 'POST',
      headers: { authorization: 'Bearer t', 'content-length': '7', host: 'evil.example' },
      body: new URLSearchParams({ e: 'é' }),
    });
    const type = 'application/x-www-form-urlencoded;charset=UTF-8';
    const host = `127.0.0.1:${port}`;
    expect(seen).to.deep.equal([['POST', '/p?q=1', type, 'Bearer t', host, 'e=%C3%A9']]);
    expect([answer.status, answer.headers.get('x-one'), await answer.json()]).to.deep.equal([
      ...[201, 'a', { d: 1 }],
    ]);
    expect(answer.headers.getSetCookie()).to.deep.equal(['b=1', 'c=2']);
    const bare = await serve((_req, res) => res.writeHead(204).end());
    expect((await local()(`http://127.0.0.1:${bare.port}/`)).status).to.equal(204);
    const head = await local()(`http://127.0.0.1:${port}/`, { method: 'HEAD' });
    expect(head.status).to.equal(201);
  });

  it('SEC-66 no redirect is followed: it is a failure, or what it is', async () => {
    const target = await serve(ok);
    const location = `http://127.0.0.1:${target.port}/`;
    for (const status of [301, 302, 303, 307, 308]) {
      const { port } = await serve((_req, res) => res.writeHead(status, { location }).end());
      const url = `http://127.0.0.1:${port}/`;
      for (const redirect of [undefined, 'follow', 'error'] as const) {
        const init = redirect ? { redirect } : {};
        expect(await causeOf(local()(url, init))).to.include('answered with a redirect');
      }
      const shown = await local()(url, { redirect: 'manual' });
      expect([shown.status, shown.headers.get('location')]).to.deep.equal([status, location]);
    }
    expect(target.connections).to.equal(0);
  });

  const BOMBS: Readonly<Record<string, RequestListener>> = {
    'one that says so': (_req, res) => {
      res.writeHead(200, { 'content-length': String(LIMIT + 1) });
      res.write('x');
    },
    'one that does not end': (_req, res) => {
      const more = (): void => {
        while (!res.destroyed && res.write('x'.repeat(1000)));
        res.once('drain', more);
      };
      more();
    },
    'one packed with gzip': (_req, res) => {
      res.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(10_000_000)));
    },
    'one packed with deflate': (_req, res) => {
      res
        .writeHead(200, { 'content-encoding': 'deflate' })
        .end(deflateSync(Buffer.alloc(LIMIT + 1)));
    },
    'one packed with Brotli': (_req, res) => {
      const packed = brotliCompressSync(Buffer.alloc(500_000));
      res.writeHead(200, { 'content-encoding': 'br' }).end(packed);
    },
    'one of an error': (_req, res) => res.writeHead(500).end('x'.repeat(LIMIT + 1)),
  };

  for (const [kind, answer] of Object.entries(BOMBS)) {
    it(`SEC-66 an answer that is too long is not read on: ${kind}`, async () => {
      const { port } = await serve(answer);
      const cause = await causeOf(local()(`http://127.0.0.1:${port}/`));
      expect(cause).to.equal(`127.0.0.1 answered with more than ${LIMIT} bytes`);
    });
  }

  it('SEC-66 an answer of just the limit is read, packed or not; one that cannot be unpacked is none', async () => {
    const text = 'x'.repeat(LIMIT);
    const packed = {
      gzip: gzipSync(text),
      deflate: deflateSync(text),
      br: brotliCompressSync(text),
    };
    for (const [encoding, bytes] of Object.entries({ ...packed, identity: text })) {
      const { port } = await serve((_req, res) => {
        res.writeHead(200, { 'content-encoding': encoding }).end(bytes);
      });
      const answer = await local()(`http://127.0.0.1:${port}/`);
      expect(await answer.text(), encoding).to.equal(text);
      expect(answer.headers.has('content-encoding'), encoding).to.equal(false);
    }
    for (const encoding of ['gzip, gzip', 'zstd', '__proto__', 'gzip']) {
      const { port } = await serve((_req, res) => {
        res.writeHead(200, { 'content-encoding': encoding }).end('not packed');
      });
      expect(await causeOf(local()(`http://127.0.0.1:${port}/`)), encoding).to.match(/packed/);
    }
  });

  const SLOW: Readonly<Record<string, RequestListener>> = {
    'says nothing': () => undefined,
    'never ends': (_req, res) => res.write('x'),
    drips: (_req, res) => {
      const drip = setInterval(() => res.write('x'), 5);
      res.on('close', () => clearInterval(drip));
    },
  };

  for (const [kind, answer] of Object.entries(SLOW)) {
    it(`SEC-66 one that ${kind} is left after the time limit, and hung up on`, async () => {
      let closed: Promise<unknown> | undefined;
      const { port } = await serve((req, res) => {
        closed = new Promise((resolve) => req.socket.once('close', resolve));
        answer(req, res);
      });
      const failure = local({ timeout: 60 })(`http://127.0.0.1:${port}/`);
      expect(await failure.catch((error: Error) => error.name)).to.equal('TimeoutError');
      await closed;
    });
  }

  it('SEC-66 a name server that says nothing is left too, and nothing is connected to once it does', async () => {
    const listener = await serve(ok);
    const late = Promise.withResolvers<readonly string[]>();
    const { fetch } = outgoingOf('http://localhost:3000', {
      timeout: 40,
      resolve: () => late.promise,
    });
    const failure = fetch(`http://localhost:${listener.port}/`);
    expect(await failure.catch((error: Error) => error.name)).to.equal('TimeoutError');
    late.resolve(['127.0.0.1']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(listener.connections).to.equal(0);
  });

  it('SEC-66 a slow name server is asked once at a time, however many requests wait, and each judges what it says', async () => {
    const asked: PromiseWithResolvers<readonly string[]>[] = [];
    const { fetch, examine } = outgoingOf('http://localhost:3000', {
      timeout: 2000,
      resolve: () => {
        const one = Promise.withResolvers<readonly string[]>();
        asked.push(one);
        return one.promise;
      },
    });
    const url = new URL('https://rp.example/');
    const waiting = Array.from({ length: 50 }, () => examine(url));
    const refused = fetch(url).then(String, String);
    const other = examine(new URL('https://other.example/'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked, 'two hosts').to.have.length(2);
    for (const one of asked) one.resolve(['10.0.0.1']);
    for (const fault of await Promise.all([...waiting, other])) {
      expect(fault).to.include('OUTGOING_PRIVATE');
    }
    expect(await refused).to.include('fetch failed');
    const later = examine(url);
    expect(asked, 'asked anew').to.have.length(3);
    asked[2]?.reject(new Error('no such host'));
    expect(await later.catch((error: Error) => error.message)).to.equal('no such host');
    const again = examine(url);
    expect(asked, 'a failure is not kept').to.have.length(4);
    asked[3]?.resolve(['127.0.0.1']);
    expect(await again).to.equal(undefined);
  });

  it('a caller’s own signal ends it, with its reason', async () => {
    const { port } = await serve(() => undefined);
    const controller = new AbortController();
    const failure = local()(`http://127.0.0.1:${port}/`, { signal: controller.signal });
    controller.abort(new Error('no longer wanted'));
    expect(await failure.catch((error: Error) => error.message)).to.equal('no longer wanted');
  });

  it('counts what became of each request', async () => {
    const outcomes: string[] = [];
    const fetch = local({ timeout: 500, count: (one) => outcomes.push(one) });
    const { port } = await serve((req, res) => {
      if (req.url === '/cut') req.socket.destroy();
      else res.writeHead(req.url === '/away' ? 302 : 200, { location: '/' }).end();
    });
    for (const path of ['/', '/away', '/cut']) {
      await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    }
    await fetch('https://10.0.0.1/').catch(() => undefined);
    await fetch('http://rp.example/').catch(() => undefined);
    expect(outcomes).to.deep.equal(['answered', 'redirect', 'network', 'address', 'scheme']);
  });
});
