/** Tokens that the API must refuse, made from one that it takes. */
import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from 'jose';
import { expectInvalidToken } from './actors.ts';
import type { Demo } from './start-demo.ts';
import type { Step } from './steps.ts';

/** Seconds by which the clock of the other API is ahead: longer than any access token lives. */
const AHEAD = 86_400;

/** `token` is valid at the API. */
export async function expectRefused(demo: Demo, token: string, step: Step): Promise<void> {
  await step('the API refuses a token that has expired', async () => {
    const lateApi = await demo.startLateApi(AHEAD);
    await expectInvalidToken(`${lateApi}/me`, token, 'expired');
  });
  await step('the API refuses a token with another key behind it', async () =>
    expectInvalidToken(`${demo.urls.api}/me`, await signAgain(token)),
  );
  await step('the API refuses a token whose roles were written in later', () =>
    expectInvalidToken(`${demo.urls.api}/admin`, addRole(token)),
  );
}

/** The same claims under the same `kid`, signed by somebody else. */
async function signAgain(token: string): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256');
  const { kid, typ } = decodeProtectedHeader(token);
  const header = { alg: 'ES256', ...(kid && { kid }), ...(typ && { typ }) };
  return new SignJWT(decodeJwt(token)).setProtectedHeader(header).sign(privateKey);
}

function addRole(token: string): string {
  const [header, , signature] = token.split('.');
  const claims = { ...decodeJwt(token), roles: ['reports', 'superuser'] };
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return [header, payload, signature].join('.');
}
