import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { takeTurns } from '../../src/http/take-turns.ts';

/** A listener, and the paths of the requests that it has begun. */
function createListener() {
  const begun: string[] = [];
  const listener = takeTurns(
    ({ url }) => url?.startsWith('/login') ?? false,
    (req) => {
      begun.push(req.url ?? '');
    },
  );
  const ask = (url: string): { destroyed: boolean } => {
    const req = { url, destroyed: false };
    listener(req as IncomingMessage, {} as ServerResponse);
    return req;
  };
  return { begun, ask };
}

describe('turns of the event loop', () => {
  it('sign-ins that arrive together begin a few in each, in their order', async () => {
    const { begun, ask } = createListener();
    const urls = Array.from({ length: 10 }, (_, index) => `/login?${index}`);
    for (const url of urls) ask(url);
    const counts = [begun.length];
    for (let count = 0; count < 4; count += 1) {
      await turn();
      counts.push(begun.length);
    }
    expect(counts).to.deep.equal([0, 4, 8, 10, 10]);
    expect(begun).to.deep.equal(urls);
  });

  it('everything else overtakes them', async () => {
    const { begun, ask } = createListener();
    for (let count = 0; count < 6; count += 1) ask('/login');
    ask('/refresh');
    expect(begun).to.deep.equal(['/refresh']);
    await turn();
    ask('/refresh');
    expect(begun.slice(1)).to.deep.equal([...Array(4).fill('/login'), '/refresh']);
  });

  it('nothing is begun for who has left', async () => {
    const { begun, ask } = createListener();
    ask('/login?1');
    ask('/login?2').destroyed = true;
    ask('/login?3');
    await turn();
    expect(begun).to.deep.equal(['/login?1', '/login?3']);
  });

  it('who comes later is not forgotten', async () => {
    const { begun, ask } = createListener();
    for (let round = 1; round <= 3; round += 1) {
      ask('/login');
      await turn();
      expect(begun).to.have.lengthOf(round);
    }
  });
});
