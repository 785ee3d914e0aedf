/** Starts the API: `ISSUER=http://localhost:3000 CLIENT_ID=… CLIENT_SECRET=… node index.ts`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createRemoteJWKSet } from 'jose';
import { createApp } from './app.ts';
import { createDenylist } from './denylist.ts';
import { followRevocations } from './follow-revocations.ts';
import { createOpenRevocations } from './open-revocations.ts';
import { readSettings } from './settings.ts';
import { createAccessTokenVerifier } from './verify-access-token.ts';

const settings = readSettings(process.env);
const { issuer, audience, port, clockOffset } = settings;

const verify = createAccessTokenVerifier({
  issuer,
  audience,
  // Fetched on first use, kept for 10 minutes; an unknown `kid` fetches anew, at most every 30 s.
  keys: createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`)),
  now: () => new Date(Date.now() + clockOffset * 1000),
});

const { add, denies } = createDenylist(Date.now);
const { isCurrent } = followRevocations({
  open: createOpenRevocations(settings),
  denylist: { add },
  timing: { now: Date.now, sleep, random: Math.random },
  onFailure: (error) => console.error('revocations:', error),
});

createApp(settings, { verify, revocations: { denies, isCurrent } }).listen(
  port,
  '127.0.0.1',
  () => {
    console.log(
      `async-api listens on ${settings.baseUrl}, takes tokens of ${issuer} for ${audience}`,
    );
  },
);
