/** Takes out of an error's message what somebody may have sent: libraries like to quote it. */

const QUOTED = /"[^"]*"|'[^']*'|`[^`]*`/g;
const E_MAIL = /[^\s"'<>(),;:@]+@[^\s"'<>(),;:@]+/g;
/** Tokens, codes, hashes, ids. */
const LONG_WORD = /[\w\-.~+/=]{20,}/g;
const QUERY = /\?[^\s"']*/g;

/** The message with quotations, addresses, queries and long words replaced, in at most 300 characters. */
export const scrub = (message: string): string =>
  message
    .replaceAll(QUOTED, '"…"')
    .replaceAll(QUERY, '?…')
    .replaceAll(E_MAIL, '…@…')
    .replaceAll(LONG_WORD, '…')
    .slice(0, 300);
