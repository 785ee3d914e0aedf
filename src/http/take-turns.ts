/**
 * Hundreds of sign-ins can arrive together. Begun all in one turn of the event loop they would hold up everything else
 * for as long as that takes, even if most of them are only refused.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/** How many begin in one turn; whatever else is ready goes on before the next ones do. */
const EACH_TURN = 4;

/** Such requests begin in their order of arrival, a few at a time; everything else begins at once. */
export function takeTurns(
  isSuch: (req: IncomingMessage) => boolean,
  answer: (req: IncomingMessage, res: ServerResponse) => unknown,
): RequestListener {
  const waiting: (() => unknown)[] = [];
  const turn = (): void => {
    for (const begin of waiting.splice(0, EACH_TURN)) begin();
    if (waiting.length > 0) setImmediate(turn);
  };
  return (req, res) => {
    const begin = (): unknown => req.destroyed || answer(req, res);
    if (!isSuch(req)) begin();
    else if (waiting.push(begin) === 1) setImmediate(turn);
  };
}
