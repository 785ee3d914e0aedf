import type { History } from '../history.ts';

/** I5: no 5xx other than 503 with Retry-After. */
export const checkServerErrors = ({ operations }: History): string[] =>
  operations
    .filter(({ status, hasRetryAfter }) => status >= 500 && !(status === 503 && hasRetryAfter))
    .map(({ kind, node, status, hasRetryAfter }) => {
      const header = hasRetryAfter ? 'with' : 'without';
      return `${kind} at ${node} got ${status} ${header} Retry-After`;
    });
