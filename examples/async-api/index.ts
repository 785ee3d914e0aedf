/** Starts the API: `ISSUER=http://localhost:3000 node index.ts`. */
import { createRemoteJWKSet } from 'jose';
import { createApp } from './app.ts';
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

createApp(settings, verify).listen(port, '127.0.0.1', () => {
  console.log(
    `async-api listens on ${settings.baseUrl}, takes tokens of ${issuer} for ${audience}`,
  );
});
