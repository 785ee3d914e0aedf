/** Signing keys that change under load, on two processes: whoever keeps JWKS as long as it may verifies every token. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { createRemoteJWKSet, customFetch, decodeProtectedHeader, jwtVerify } from 'jose';
import { type Nodes, startNodes } from '../../support/nodes.ts';
import { createRelyingParty, type RelyingParty } from '../../support/relying-party.ts';
import { storeKinds } from '../../support/test-app.ts';

/** Of the load: `KEY_ROTATION_LOAD=120 npm test -- tests/flows/races/key-rotation.test.ts` is the long run. */
// biome-ignore lint/style/noProcessEnv: how long the run is, whoever starts it says
const SECONDS = Number(process.env['KEY_ROTATION_LOAD'] ?? 16);
/** Seconds. */
const MAX_AGE = 2;
const PERIOD = 10;
const CLIENTS = 4;

describe('signing keys that rotate under load', function () {
  this.timeout(120_000 + SECONDS * 1000);
  let nodes: Nodes;
  let machine: RelyingParty;

  before(async () => {
    nodes = await startNodes(storeKinds.at(-1) ?? 'postgres', {
      settings: { JWKS_MAX_AGE: String(MAX_AGE), KEY_ROTATION: String(PERIOD) },
    });
    machine = await createRelyingParty(nodes.local, {
      grant_types: ['client_credentials'],
      redirect_uris: [],
    });
  });
  after(() => nodes?.stop());

  /** An API that asks for keys only when those it has are as old as they may be, and then any node. */
  const createApi = () => {
    let fetches = 0;
    const keys = createRemoteJWKSet(new URL(`${nodes.local.issuer}/.well-known/jwks.json`), {
      cacheMaxAge: MAX_AGE * 1000,
      // Never because a key is unknown: that would hide one that signs before it was published.
      cooldownDuration: Number.MAX_SAFE_INTEGER,
      [customFetch]: async (_url, { headers }) => {
        fetches += 1;
        const { socket } = nodes.processes[fetches % 2] ?? nodes.processes[0];
        return fetch(`${socket}/.well-known/jwks.json`, { headers });
      },
    });
    const verify = (token: string) =>
      jwtVerify(token, keys, { issuer: nodes.local.issuer, typ: 'at+jwt', algorithms: ['ES256'] });
    return { verify, fetches: () => fetches };
  };

  it(`0 of all tokens fail to verify, with new keys every ${PERIOD} s for ${SECONDS} s`, async function () {
    const end = performance.now() + SECONDS * 1000;
    const kids = new Set<string>();
    const { client, secret } = machine;
    const authorization = `Basic ${Buffer.from(`${client.client_id}:${secret}`).toString('base64')}`;
    const work = async (index: number): Promise<number> => {
      const api = createApi();
      let verified = 0;
      while (performance.now() < end) {
        const node = nodes.processes[(index + verified) % 2] ?? nodes.processes[0];
        const { status, json } = await node.browser().request('/oidc/token', {
          form: { grant_type: 'client_credentials' },
          headers: { authorization },
        });
        expect(status).to.equal(200);
        const { access_token: token } = json<{ access_token: string }>();
        await api.verify(token);
        kids.add(decodeProtectedHeader(token).kid ?? '');
        verified += 1;
        await delay(10);
      }
      expect(api.fetches()).to.be.greaterThan(1);
      return verified;
    };
    const counts = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => work(index)));
    const verified = counts.reduce((sum, count) => sum + count, 0);
    expect(kids.size).to.be.at.least(2);
    if (this.test) this.test.title += ` (${verified} tokens, ${kids.size} keys)`;
  });
});
