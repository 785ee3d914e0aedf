/** Makes a transcript the same on every run: what differs is replaced, what tells nothing is left out. */

/** Headers worth a reader's time. */
const SHOWN =
  /^(HTTP\/1\.1|content-type|content-disposition|set-cookie|location|retry-after|www-authenticate|clear-site-data|allow):? /i;

const UUID = /\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b/g;
const TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;
const HTTP_DATE = /\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/g;
const COOKIE = /^(set-cookie: [\w.-]+=)([^;]+)/gim;
/** Seconds that are left, of a lifetime that may have begun a second ago. */
const MAX_AGE = /(?<=; max-age=)\d+/g;
/** Session ids, cursors, codes and tokens. */
const OPAQUE = /(?<![\w-])[\w-]{40,}(?:\.[\w-]+)*/g;

/** Seconds since 1970. */
const EPOCH = /("(?:exp|iat|auth_time|updated_at)": ?)\d{10}/g;

/** Origins of this run, and those that the reader sees. */
export type Origins = Readonly<Record<string, string>>;

const withOrigins = (markdown: string, origins: Origins): string =>
  Object.entries(origins).reduce(
    (text, [ours, theirs]) =>
      text
        .replaceAll(ours, theirs)
        .replaceAll(encodeURIComponent(ours), encodeURIComponent(theirs)),
    markdown,
  );

export function readable(markdown: string, origins: Origins): string {
  const blocks = markdown.replace(/```console\n([\s\S]*?)```/g, (_all, block: string) => {
    return `\`\`\`console\n${blockOf(block)}\`\`\``;
  });
  return withOrigins(blocks, origins)
    .replace(EPOCH, '$11795737600')
    .replace(/urn:request:[\w.-]+/g, 'urn:request:…')
    .replace(/\/l\/[\w-]{20,}/g, '/l/…')
    .replace(/account-\d{4}-\d\d-\d\d/g, 'account-2026-11-23')
    .replace(/(?<=\bid: |"id":")\d+-\d+/g, '…')
    .replace(COOKIE, '$1…')
    .replace(MAX_AGE, (seconds) => String(Math.round(Number(seconds) / 10) * 10))
    .replace(HTTP_DATE, 'Mon, 23 Nov 2026 10:00:00 GMT')
    .replace(TIME, '2026-11-23T10:00:00.000Z')
    .replace(UUID, numbered('0b8f1e52-6c1d-4e0a-9f3a-'))
    .replace(OPAQUE, '…');
}

/** The command as it is; of the answer the headers that matter and the body, one member a line. */
function blockOf(block: string): string {
  const [head = '', ...rest] = block.trimEnd().split('\n\n');
  const lines = head.split('\n');
  const answerAt = lines.findIndex((line) => line.startsWith('HTTP/1.1'));
  if (answerAt < 0) return block;
  const shown = lines.slice(answerAt).filter((line) => SHOWN.test(line));
  const body = rest.join('\n\n').trim();
  return `${[...lines.slice(0, answerAt), ...shown, ...(body ? ['', pretty(body)] : [])].join('\n')}\n`;
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

/** The same value gets the same name wherever it occurs. */
function numbered(prefix: string): (value: string) => string {
  const names = new Map<string, string>();
  return (value) => {
    const known = names.get(value) ?? `${prefix}${String(names.size + 1).padStart(12, '0')}`;
    names.set(value, known);
    return known;
  };
}
