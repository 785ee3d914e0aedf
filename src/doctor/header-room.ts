/** `header_room`: whether proxies let the largest requests and answers of ours through (B-03). */
import { broken, type Diagnosis, type Finding, NotExamined, warning } from '../kernel/plugin.ts';
import type { Answer, Call } from './call.ts';

/** Bytes of header fields: an answer with as many beside the usual ones is as large as a sign-in's. */
const ANSWER = 6_500;
/** Bytes of the URL of a sign-out, with its ID token and `state`. */
const URL_LENGTH = 14_500;

interface Parts {
  readonly issuer: string;
  readonly call: Call;
}

/** A preflight for the public keys, of any page: its answer repeats the names that it asks for. */
const preflight = ({ issuer, call }: Parts, names: string): Promise<Answer> =>
  call(`${issuer}/.well-known/jwks.json`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://doctor.invalid',
      'access-control-request-method': 'GET',
      'access-control-request-headers': names,
    },
  });

const repeats = (answer: Answer | undefined, names: string): boolean =>
  answer?.headers.get('access-control-allow-headers') === names;

export const diagnoseHeaderRoom = (parts: Parts): Diagnosis => ({
  name: 'header_room',
  async check() {
    const small = await preflight(parts, 'x-small').catch(() => undefined);
    if (!repeats(small, 'x-small')) throw new NotExamined('PUBLIC_URL does not answer preflights');
    return [...(await judgeAnswer(parts)), ...(await judgeUrl(parts))];
  },
});

async function judgeAnswer(parts: Parts): Promise<Finding[]> {
  const names = `x-${'a'.repeat(ANSWER)}`;
  const large = await preflight(parts, names).catch(() => undefined);
  if (repeats(large, names)) return [];
  return [
    broken(
      `The proxy does not let ${ANSWER} bytes of header fields through (${large?.status ?? 'no answer'}): people with many roles cannot sign in.`,
      'Give it room for 16 KB: proxy_buffer_size 16k in nginx; docs/operations.md has other proxies ("How large requests and answers get").',
    ),
  ];
}

async function judgeUrl({ issuer, call }: Parts): Promise<Finding[]> {
  const url = `${issuer}/health/live?${'x'.repeat(URL_LENGTH)}`;
  const answer = await call(url).catch(() => undefined);
  if (answer?.status === 200) return [];
  return [
    warning(
      `The proxy refuses a URL of ${URL_LENGTH} bytes (${answer?.status ?? 'no answer'}): people with many roles cannot sign out through applications that send an id_token_hint.`,
      'Give it room for 16 KB in one line: large_client_header_buffers 4 32k in nginx; docs/operations.md has other proxies.',
    ),
  ];
}
