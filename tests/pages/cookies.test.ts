/** Cookies as Chromium keeps them: beside those of an app on the same host, and from a server whose clock is wrong. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createUser, PASSWORD } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { type Stage, useStage } from './stage.ts';

/** What frameworks call their cookie when nobody tells them otherwise. */
const POPULAR = ['session', 'session.sig', 'access', 'refresh', 'interaction', 'resume'];

/** An app on another port of our host: begins with its state in cookies, and compares them when the browser is back. */
async function startNeighbour(): Promise<{
  server: Server;
  origin: string;
  goal: { url: string };
}> {
  const goal = { url: '' };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    if (pathname === '/begin') {
      const cookies = POPULAR.map((name) => `${name}=the-state; Path=/`);
      response.writeHead(303, { location: goal.url, 'set-cookie': cookies }).end();
      return;
    }
    const sent = (request.headers.cookie ?? '').split('; ');
    const lost = POPULAR.filter((name) => !sent.includes(`${name}=the-state`));
    const came = searchParams.has('code') ? 'a code' : searchParams.get('error');
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(
      `<!doctype html><title>App</title><link rel="icon" href="data:,"><h1>App</h1><p>${came}, lost: ${lost.join(' ') || 'nothing'}</p>`,
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { server, origin, goal };
}

describe('pages: cookies', () => {
  const stage: Stage = useStage();

  it(
    'B-04 an app on another port of the host keeps its cookies, whatever it calls them, and so do we',
    stage.visit({ javaScriptEnabled: false }, async (person) => {
      const { server, origin, goal } = await startNeighbour();
      try {
        const user = await createUser(stage.app);
        const rp = await createRelyingParty(stage.app, { redirect_uris: [`${origin}/callback`] });
        const arrives = async () => {
          await person.page.getByRole('heading', { name: 'App', exact: true }).waitFor();
          return person.page.locator('p').textContent();
        };
        goal.url = `${stage.app.issuer}${rp.authorizationUrl()}`;
        await person.open(`${origin}/begin`);
        await person.signIn(user);
        expect(await arrives()).to.equal('a code, lost: nothing');
        goal.url = `${stage.app.issuer}${rp.authorizationUrl({ prompt: 'none' })}`;
        await person.open(`${origin}/begin`);
        expect(await arrives()).to.equal('a code, lost: nothing');
      } finally {
        server.closeAllConnections();
        server.close();
      }
    }),
  );

  for (const [name, skew] of Object.entries({
    '70 minutes slow': -4200e3,
    '2 days fast': 172800e3,
  })) {
    it(
      `B-05 the clock of the server is ${name}: people sign in by REST and on the pages, and stay`,
      stage.visit({ javaScriptEnabled: true }, async (person) => {
        const user = await createUser(stage.app);
        const rp = await stage.relyingParty();
        const { now } = Date;
        // The header Date stays right, as behind a proxy that sets its own: Chromium would make up for the difference.
        Date.now = () => now() + skew;
        try {
          // A page of ours whose policy lets scripts call us.
          await person.open('/auth/doc');
          const statuses = await person.page.evaluate(
            async ([email, password]) => {
              const call = async (path: string, body?: object) => {
                const headers = { 'content-type': 'application/json' };
                const sent = body ? { method: 'POST', headers, body: JSON.stringify(body) } : {};
                const answer = await fetch(path, sent);
                await answer.text();
                return answer.status;
              };
              return [await call('/auth/login', { email, password }), await call('/auth/me')];
            },
            [user.email, PASSWORD],
          );
          expect(statuses).to.deep.equal([200, 200]);
          const lives = new Map(
            (
              await person.context.cookies([stage.app.issuer, `${stage.app.issuer}/auth/refresh`])
            ).map((cookie) => [cookie.name, cookie.expires - now() / 1000]),
          );
          expect(lives.get('authsrv-access')).to.be.closeTo(600, 20);
          expect(lives.get('authsrv-session')).to.be.closeTo(14 * 86_400, 20);
          await person.context.clearCookies();
          await person.authorize(rp);
          await person.signIn(user);
          expect((await person.arrives()).params).to.have.property('code');
          await person.authorize(rp, { prompt: 'none' });
          expect((await person.arrives()).params).to.have.property('code');
        } finally {
          Date.now = now;
        }
      }),
    );
  }
});
