/** Values that have broken servers. */

const COMBINING = `e${'\u0301'.repeat(10_000)}`;

export const NAUGHTY_STRINGS: readonly string[] = [
  ...['', ' ', '\u0000', 'a\u0000b@example.com', '\ud800', 'a\udfffb', '\u202Eevil', '\ufeff'],
  ...[COMBINING, 'x'.repeat(20_000), '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}'.repeat(50)],
  ...['a\r\nSet-Cookie: x=1', 'a\nb', '\u2028', '\t', '\u0085', '\u{10FFFF}', '\uFFFE'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'undefined', 'null', 'NaN'],
  ...["' OR 1=1 --", '"; DROP TABLE users; --', '%', '_', '\\', '#{7*7}', '{{7*7}}', '$$', '%00'],
  ...['<script>alert(1)</script>', '../../etc/passwd', '..%2f..%2f', 'file:///etc/passwd', '*'],
  ...['a@b@example.com', 'a@example.com,b@example.com', 'ａ＠example.com', '@', 'a@', '"a b"@x.y'],
  ...['a@[127.0.0.1]', 'a@xn--', `${'a'.repeat(400)}@example.com`, 'a@-.-', 'İ@example.com'],
  ...[
    '0',
    '-1',
    '1e309',
    '9'.repeat(400),
    '0x10',
    '1_000',
    '٣',
    '00000000-0000-0000-0000-000000000000',
  ],
  ...['ZZZZZZZZ-ZZZZ-4ZZZ-8ZZZ-ZZZZZZZZZZZZ', 'en-', 'x-y-z-'.repeat(20), 'urn:x', 'http://[::1'],
];

const deep = (levels: number): unknown =>
  levels === 0 ? 'x' : levels % 2 ? [deep(levels - 1)] : { a: deep(levels - 1) };

export const NAUGHTY_VALUES: readonly unknown[] = [
  ...NAUGHTY_STRINGS,
  ...[null, true, false, 0, -0, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER + 2, [], {}, [[]]],
  ...[[null], ['a', 'b'], { length: 1 }, { $gt: '' }, { toString: 'x' }, deep(10), deep(200)],
  Array.from({ length: 2000 }, () => 0),
];

/** Bodies that are no JSON, or JSON with more than one meaning. */
export const NAUGHTY_BODIES: readonly (string | Uint8Array)[] = [
  ...['', ' ', '{', '}', '[', 'null', 'true', '0', '"x"', '[]', '{}', '{"a":}', '{"a":1,}', 'NaN'],
  ...['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}'],
  ...['{"email":"a","email":"b"}', '{"a":1}{"b":2}', '\ufeff{}', '{"a":"\\ud800"}', '{"a":1e999}'],
  ...['['.repeat(16_000), '['.repeat(10_000) + ']'.repeat(10_000), '{"a":'.repeat(5000)],
  ...[`{"email":"${'x'.repeat(40_000)}"}`, `"${'\\u0000'.repeat(4000)}"`, 'email=a&password=b'],
  Buffer.from([0xff, 0xfe, 0x00]),
  Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]),
  Buffer.alloc(1000),
];

/** As they stand in a path or a query, percent-encoded or not. */
export const NAUGHTY_ENCODED: readonly string[] = [
  ...[
    '%00',
    '%',
    '%zz',
    '%ff',
    '%ED%A0%80',
    '%2e%2e',
    '..%2f..',
    '%2F',
    '%5c',
    '%0d%0aX:1',
    '%E2%80%AE',
  ],
  ...[
    '*',
    ':id',
    '{id}',
    '-',
    '~',
    ';a=b',
    '%25',
    '%2500',
    'null',
    'undefined',
    '[object%20Object]',
  ],
  ...[
    '%F0%9F%92%A9',
    `%C3%A9${'%CC%81'.repeat(800)}`,
    'x'.repeat(4000),
    '__proto__',
    "'%20OR%201=1--",
  ],
  '00000000-0000-4000-8000-000000000000',
];

export const NAUGHTY_QUERIES: readonly string[] = [
  ...[
    '',
    '?',
    '??',
    '&&&',
    '=',
    '&=&',
    '%',
    'a',
    '__proto__=1',
    '__proto__[polluted]=1',
    'a[]=1&a[]=2',
  ],
  ...[
    'limit=1&limit=2',
    'limit=-1',
    'limit=1e3',
    'limit=99999999999999999999',
    'limit=%00',
    'cursor=',
  ],
  ...[
    'cursor=%00',
    'cursor=AAAA',
    `cursor=${'A'.repeat(4000)}`,
    'query=%25',
    'query=%00',
    'query=%ED%A0%80',
  ],
  ...[
    "query='%20OR%201=1--",
    'query=a&query=b',
    'query=%E2%80%AE',
    'sort=;',
    'constructor=1',
    '_method=DELETE',
  ],
];

/** Header fields that a client library sends: no CR, LF or NUL. */
export const NAUGHTY_HEADERS: readonly Readonly<Record<string, string>>[] = [
  ...['', 'Bearer', 'Bearer ', 'Bearer x', 'Bearer a.b.c', 'Basic !!!', 'Basic Og==', 'DPoP x'].map(
    (authorization) => ({ authorization }),
  ),
  ...[`Bearer ${'a'.repeat(7000)}`, `Bearer ${'.'.repeat(7000)}`, 'Digest x', 'bearer \u00ff'].map(
    (authorization) => ({ authorization }),
  ),
  ...[
    'authsrv-access=x',
    'authsrv-access=',
    'authsrv-session=x; authsrv-session.sig=y',
    '=;=;',
    'authsrv-refresh=a.b.c',
    `a=${'%'.repeat(3000)}`,
  ].map((cookie) => ({ cookie })),
  ...['text/html', 'text/html;q=0.9,*/*', '*/*;q=0', 'x', ',,,', 'application/xml'].map(
    (accept) => ({ accept }),
  ),
  ...[
    'text/plain',
    'application/json; charset=utf-16',
    'application/x-www-form-urlencoded',
    'x',
    '/',
  ].map((type) => ({ 'content-type': type })),
  ...['x'.repeat(300), '\u00ff', 'a b', '../..', '', 'jndi:ldap://x'].map((id) => ({
    'x-request-id': id,
  })),
  ...['gzip', 'br', 'identity', 'x'].map((encoding) => ({ 'content-encoding': encoding })),
  ...['null', 'https://evil.example', 'x', '*'].map((origin) => ({ origin })),
  ...['cross-site', 'same-site', 'bogus'].map((site) => ({ 'sec-fetch-site': site })),
  { 'x-forwarded-for': '1.2.3.4, a, ::1', forwarded: 'for=x', 'x-forwarded-host': 'evil' },
  { 'x-http-method-override': 'DELETE', 'x-original-url': '/roles' },
  { dpop: 'x', 'if-none-match': '*', range: 'bytes=0-0', 'accept-language': 'x'.repeat(3000) },
  { expect: 'x' },
  { 'user-agent': '\u00ff'.repeat(2000) },
  { 'last-event-id': '-1' },
  { 'x-large': 'x'.repeat(60_000) },
];

/** Lines that no client library sends, for a socket. */
export const NAUGHTY_LINES: readonly string[] = [
  'X-A: a\r\n folded',
  'X-A: \u0000',
  'X-A\u0000: b',
  'X A: b',
  ': b',
  'X-A: a\rb',
  'X-A: a\nX-B: b',
  'Content-Length: 1\r\nContent-Length: 2',
  'Transfer-Encoding: chunked\r\nContent-Length: 3',
  'Authorization: Bearer a\u00ff\u0080',
  'Cookie: \u0001=\u0002',
];
