/** A body that is refused before it was read to its end, and the next request of the same client. */
import { Agent, request } from 'node:http';
import { expect } from 'chai';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { basePath } from './base-path.ts';

const FORMS = ['/oidc/introspect', '/oidc/revoke', '/oidc/token', '/oidc/par', '/nowhere'];

const REFUSED: readonly [path: string, type: string][] = [
  ['/auth/login', 'application/json'],
  ['/auth/login', 'text/plain'],
  ...FORMS.map((path): [string, string] => [path, 'application/x-www-form-urlencoded']),
];

describe('bodies that are refused half-way', () => {
  let app: TestApp;
  let agent: Agent;

  before(async () => {
    app = await startTestApp();
    agent = new Agent({ keepAlive: true, maxSockets: 1 });
  });
  after(async () => {
    agent.destroy();
    await app.close();
  });

  const send = (path: string, headers = {}, body = '', isChunked = false) =>
    new Promise<number | undefined>((resolve, reject) => {
      const method = body ? 'POST' : 'GET';
      const sent = request(`${app.socket}${basePath(app)}${path}`, { agent, method, headers });
      let status: number | undefined;
      sent.on('response', (answer) => {
        status = answer.statusCode;
        answer.resume().on('close', () => resolve(status));
      });
      // The connection may go while the rest of the body is still being sent.
      sent.on('error', (error) => (status === undefined ? reject(error) : resolve(status)));
      // Node sends what is written before the end in chunks.
      if (isChunked) sent.write(body);
      sent.end(isChunked ? '' : body);
    });

  for (const [path, type] of REFUSED) {
    it(`SEC-90 ${path}, ${type}: the next request is answered`, async () => {
      for (let time = 0; time < 5; time += 1) {
        const body = 'x'.repeat(150_000);
        const refused = await send(path, { 'content-type': type }, body, time % 2 === 1);
        expect(refused).to.be.within(400, 415);
        expect(await send('/health/live')).to.equal(200);
      }
    });
  }
});
