/** How the answers of the server are read into a history. */
import { hash } from 'node:crypto';
import { decodeJwt } from 'jose';
import type { Answer } from '../../support/browser.ts';
import { type Tokens, tokensOf } from '../../support/cookie-api.ts';
import type { TokenAnswer } from '../../support/relying-party.ts';
import type { Reply } from './history.ts';

/** Names a token in a history without being one. */
export const labelOf = (token: string): string => hash('sha256', token, 'hex').slice(0, 10);

export const replyOf = ({ status, headers }: Pick<Answer, 'status' | 'headers'>): Reply => ({
  status,
  hasRetryAfter: headers.has('retry-after'),
});

/** Tokens in cookies; undefined unless it succeeded. */
export const cookiesOf = (answer: Answer | undefined): Tokens | undefined =>
  answer?.status === 200 || answer?.status === 204 ? tokensOf(answer) : undefined;

/** Of a sign-in or refresh of the cookie API: says the next token and the roles in the access token. */
export function readCookies(answer: Answer): Reply {
  const tokens = cookiesOf(answer);
  if (!tokens) return replyOf(answer);
  return { ...replyOf(answer), gave: labelOf(tokens.refresh), uses: rolesIn(tokens.access) };
}

export const readTokens = (answer: TokenAnswer): Reply => ({
  ...replyOf(answer),
  gave: labelOf(answer.body.refresh_token ?? ''),
});

/** `active: false` is a refusal. */
export function readIntrospection(answer: Answer): Reply {
  if (answer.status !== 200 || answer.json()['active'] === true) return replyOf(answer);
  return { ...replyOf(answer), status: 401 };
}

const STATUS_OF_ERROR: Readonly<Record<string, number>> = {
  server_error: 500,
  temporarily_unavailable: 503,
};

/** An authorization request ends at the client, with a code or an error, or at a page of ours. */
export function readAuthorization(answer: Answer): Reply {
  const error = answer.location?.searchParams.get('error');
  // A redirect cannot say when to come back.
  if (error) return { status: STATUS_OF_ERROR[error] ?? 400, hasRetryAfter: true };
  if (answer.location) return replyOf(answer);
  // The sign-in page: the person is not signed in (any more).
  return { ...replyOf(answer), status: answer.status === 200 ? 401 : answer.status };
}

export const roleFact = (userId: string, role: string): string => `role ${role} of ${userId}`;

function rolesIn(access: string): string[] {
  const { sub = '', roles } = decodeJwt<{ roles?: readonly string[] }>(access);
  return (roles ?? []).map((role) => roleFact(sub, role));
}
