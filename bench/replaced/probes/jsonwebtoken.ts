/** What jsonwebtoken knows of the tokens that we issue, and how long it keeps the event loop. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { leastCpu, load } from './load.ts';

interface JsonWebToken {
  sign(payload: object, key: KeyObject, options: object): string;
  verify(token: string, key: KeyObject, options: object): unknown;
}
interface Jose {
  readonly SignJWT: new (
    payload: object,
  ) => {
    setProtectedHeader(header: object): { sign(key: KeyObject): Promise<string> };
  };
  jwtVerify(token: string, key: KeyObject, options: object): Promise<unknown>;
}

const { sign, verify } = load<JsonWebToken>('jsonwebtoken', 'jsonwebtoken');
const { SignJWT, jwtVerify } = load<Jose>('jose', 'jose');

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');

function attempt(work: () => unknown): string {
  try {
    work();
    return 'taken';
  } catch (error) {
    return `refused: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const claims = { iss: 'https://auth.example.com', aud: 'api', sub: 'someone' };
const joseSign = (alg: string, key: KeyObject, typ = 'at+jwt') =>
  new SignJWT({ ...claims, exp: 4_000_000_000 }).setProtectedHeader({ alg, typ }).sign(key);

const edToken = await joseSign('EdDSA', ed.privateKey);
console.log(
  `jsonwebtoken, EdDSA, signing ${attempt(() => sign(claims, ed.privateKey, { algorithm: 'EdDSA' }))}; verifying ${attempt(() => verify(edToken, ed.publicKey, { algorithms: ['EdDSA'] }))}`,
);
const logout = await joseSign('ES256', ec.privateKey, 'logout+jwt');
const asAccessToken = { algorithms: ['ES256'], typ: 'at+jwt' };
console.log(
  `a logout token where an access token is due (typ at+jwt asked for): jsonwebtoken ${attempt(() => verify(logout, ec.publicKey, asAccessToken))}; jose ${await jwtVerify(
    logout,
    ec.publicKey,
    asAccessToken,
  ).then(
    () => 'taken',
    (error: Error) => `refused: ${error.message}`,
  )}`,
);

const TOKENS = 200;
const CASES = [
  ['ES256', ec],
  ['RS256', rsa],
] as const;

/** Milliseconds for which a timer that is due has to wait, at most. */
async function longestHold(work: () => Promise<unknown>): Promise<number> {
  let [last, longest, isOver] = [performance.now(), 0, false];
  const look = (): void => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  await work();
  await new Promise(setImmediate);
  isOver = true;
  return longest;
}

for (const [alg, { privateKey, publicKey }] of CASES) {
  const token = await joseSign(alg, privateKey);
  const options = { algorithms: [alg] };
  const all = (one: () => unknown) => async () =>
    void (await Promise.all(Array.from({ length: TOKENS }, one)));
  const works = {
    'signing with jsonwebtoken': all(() => sign(claims, privateKey, { algorithm: alg })),
    'with jose': all(() => joseSign(alg, privateKey)),
    'verifying with jsonwebtoken': all(() => verify(token, publicKey, options)),
    'with jose ': all(() => jwtVerify(token, publicKey, options)),
  };
  const lines = [];
  for (const [name, work] of Object.entries(works)) {
    const cpu = (await leastCpu(9, work)) / TOKENS;
    const holds = [];
    for (let go = 0; go < 5; go += 1) holds.push(await longestHold(work));
    lines.push(
      `${name} ${cpu.toFixed(0)} µs of CPU, the loop held ${Math.min(...holds).toFixed(0)} ms`,
    );
  }
  console.log(`${alg}, ${TOKENS} at once: ${lines.join('; ')}`);
}
