/** The limits that are no servers: one function, called again and again. Ours is here too where it is a function. */
import * as argon2 from '@node-rs/argon2';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { createAccessTokenVerifier } from '../../src/oidc/access-token.ts';
import { createDenylist } from '../../src/plugins/revocations/denylist.ts';
import type { Sample } from '../measure.ts';
import { answerQuestions, baselineArguments, reportReady } from './baseline-process.ts';

export interface RawWorkArguments {
  readonly issuer: string;
  readonly audience: string;
  readonly jwks: JSONWebKeySet;
}

export interface RawQuestion {
  readonly work: 'argon2id' | 'jose' | 'verifier';
  /** An access token of ours. */
  readonly token: string;
  readonly warmUp: number;
  readonly seconds: number;
}

/** The parameters that ours come with (`authsrv config`), and as many at once. */
const ARGON2 = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 };
const AT_ONCE = 2;

const args = baselineArguments<RawWorkArguments>();
const { issuer, audience } = args;
const keys = createLocalJWKSet(args.jwks);
const verifier = createAccessTokenVerifier({
  issuer,
  apiAudience: audience,
  startedAt: 0,
  keys: args.jwks.keys as never,
  denylist: createDenylist(),
  clock: { now: Date.now },
});
const stored = await argon2.hash('seven quiet herons fly', ARGON2);

const WORK: Readonly<Record<RawQuestion['work'], (token: string) => Promise<unknown>>> = {
  argon2id: () => argon2.verify(stored, 'seven quiet herons fly'),
  jose: (token) => jwtVerify(token, keys, { issuer, audience, algorithms: ['ES256'] }),
  verifier: async (token) => {
    if (!(await verifier.principal(token))) throw new Error('the token does not hold');
  },
};

async function repeat(work: () => Promise<unknown>, milliseconds: number): Promise<number> {
  const end = performance.now() + milliseconds;
  let count = 0;
  const loop = async () => {
    for (; performance.now() < end; count += 1) await work();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, loop));
  return count;
}

answerQuestions(async ({ work, token, warmUp, seconds }: RawQuestion): Promise<Sample> => {
  const once = () => WORK[work](token);
  await repeat(once, warmUp);
  const started = performance.now();
  const before = process.cpuUsage();
  const count = await repeat(once, seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  const passed = (performance.now() - started) / 1000;
  return { count, seconds: passed, cpu: user + system, latencies: [] };
});
reportReady();
