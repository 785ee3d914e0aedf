import { expect } from 'chai';
import { checkRedirectUri } from '../../../src/plugins/clients/check-redirect-uri.ts';

const accepted = {
  web: [
    'https://rp.example/cb',
    'https://rp.example',
    'https://rp.example/',
    'https://rp.example:8443/a/b/cb',
    'https://rp.example/cb?tenant=a&next=100%25',
    'https://rp.example/cb/caf%C3%A9',
    'https://xn--caf-dma.example/cb',
    'https://198.51.100.7/cb',
    'https://rp.example/cb?encoded=state',
    'http://127.0.0.1/cb',
    'http://localhost:3000/cb',
    'http://[::1]:8080/cb',
  ],
  native: [
    'https://rp.example/cb',
    'http://127.0.0.1/cb',
    'http://[::1]/cb',
    'com.example.app:/oauth2redirect',
    'com.example.app://callback',
    'com.example.app://rp.example/ios/callback',
    'com.example-2.app:/cb',
  ],
};

/** What a web client may not register; a word of the reason says why. */
const refused: readonly [uri: string, reason: string][] = [
  // No absolute URI.
  ['', 'characters'],
  ['/cb', 'absolute'],
  ['cb', 'absolute'],
  ['//rp.example/cb', 'absolute'],
  ['?a=b', 'absolute'],
  ['https://', 'absolute'],
  ['https://rp.example:99999/cb', 'absolute'],
  ['https://[::1/cb', 'absolute'],
  // Characters that parsers drop, turn round or read differently.
  ['https://rp.example/c b', 'characters'],
  [' https://rp.example/cb', 'characters'],
  ['https://rp.example/cb\n', 'characters'],
  ['https://rp.example/cb\r\nSet-Cookie: a=b', 'characters'],
  ['https://rp.example/\tcb', 'characters'],
  ['https://rp.example/cb\u0000', 'characters'],
  ['https:\\\\rp.example\\cb', 'characters'],
  ['https://rp.example\\@evil.example/cb', 'characters'],
  ['https://rp.example/\\evil.example', 'characters'],
  ['https://rp.example/"onload=x', 'characters'],
  ['https://rp.example/<script>', 'characters'],
  ['https://rp.exämple/cb', 'characters'],
  ['https://ⓡp.example/cb', 'characters'],
  ['https://rp.example/\u202ebc', 'characters'],
  ['https://rp.example/\ud800', 'characters'],
  ['https://rp.example/%', 'characters'],
  ['https://rp.example/%zz', 'characters'],
  ['https://rp.example/cb%00', 'control'],
  ['https://rp.example/cb?a=%0d%0aSet-Cookie', 'control'],
  ['https://rp.example/cb%7F', 'control'],
  [`https://rp.example/${'a'.repeat(2_000)}`, 'at most'],
  // Fragments, wildcards, user information.
  ['https://rp.example/cb#', 'fragment'],
  ['https://rp.example/cb#section', 'fragment'],
  ['https://rp.example/cb#@evil.example', 'fragment'],
  ['https://*.rp.example/cb', 'wildcard'],
  ['https://*/cb', 'wildcard'],
  ['https://rp.example/*', 'wildcard'],
  ['https://rp.example:*/cb', 'wildcard'],
  ['https://user:secret@rp.example/cb', 'user information'],
  ['https://rp.example@evil.example/cb', 'user information'],
  ['http://localhost:80@evil.example/cb', 'user information'],
  ['https://@rp.example/cb', 'user information'],
  ['https://:@rp.example/cb', 'user information'],
  // Paths that mean another path to somebody.
  ['https://rp.example/a/../cb', 'path'],
  ['https://rp.example/..', 'path'],
  ['https://rp.example/./cb', 'path'],
  ['https://rp.example/%2e%2e/cb', 'path'],
  ['https://rp.example/.%2E/cb', 'path'],
  ['https://rp.example/%252e%252e/cb', 'path'],
  ['https://rp.example/a%2fb', 'path'],
  ['https://rp.example/a%5Cb', 'path'],
  ['https://rp.example/..;/cb', 'path'],
  ['https://rp.example/a;/cb', 'path'],
  ['https://rp.example/cb;jsessionid=1', 'path'],
  ['https://rp.example/%3b/cb', 'path'],
  // Another spelling of a URI: an exact comparison would never match, or match something else.
  ['https://RP.example/cb', 'normal form'],
  ['HTTPS://rp.example/cb', 'normal form'],
  ['https://rp.example:443/cb', 'normal form'],
  ['https://rp.example:/cb', 'normal form'],
  ['https:rp.example/cb', 'normal form'],
  ['https:/rp.example/cb', 'normal form'],
  ['https:///rp.example/cb', 'normal form'],
  ['https://rp.example?a=b', 'normal form'],
  ['https://0x7f.1/cb', 'normal form'],
  ['https://2130706433/cb', 'normal form'],
  ['https://rp%2eexample/cb', 'normal form'],
  ['https://rp.example./cb', 'ends with'],
  // Schemes.
  ['http://rp.example/cb', 'https'],
  ['http://127.0.0.2/cb', 'https'],
  ['http://0.0.0.0/cb', 'https'],
  ['http://localhost.evil.example/cb', 'https'],
  ['http://127.0.0.1.nip.io/cb', 'https'],
  ['javascript:alert(1)', 'https'],
  ['JavaScript:alert(1)', 'normal form'],
  ['javascript://rp.example/%0aalert(1)', 'control'],
  ['data:text/html,hello', 'https'],
  ['vbscript:x', 'https'],
  ['file:///etc/passwd', 'https'],
  ['blob:https://rp.example/1', 'https'],
  ['about:blank', 'https'],
  ['ftp://rp.example/cb', 'https'],
  ['ws://rp.example/cb', 'https'],
  ['intent://rp.example/cb', 'https'],
  ['com.example.app:/cb', 'https'],
  ['urn:ietf:wg:oauth:2.0:oob', 'https'],
];

const refusedNative = [
  'javascript:alert(1)',
  'data:text/html,hello',
  'file:///etc/passwd',
  'myapp:/cb',
  'myapp://callback',
  'urn:ietf:wg:oauth:2.0:oob',
  'com.example.app:cb',
  'com..app:/cb',
  '.com:/cb',
  'com.example.app:/a/../cb',
  'com.example.app:/%2e%2e/cb',
  'com.example.app:/cb#fragment',
  'com.example.app://user@host/cb',
  'com.example.app:/cb?code=1',
  'Com.Example.App:/cb',
  'https://localhost/cb',
  'https://127.0.0.1/cb',
  'http://rp.example/cb',
  'http://192.168.0.1/cb',
];

const reserved = [
  'code=1',
  'state=1',
  'iss=https://evil.example',
  'error=x',
  'error_description=x',
  'a=b&code=1',
  'a=b;code=1',
  'CODE=1',
  'c%6fde=1',
  'code',
  'code[]=1',
  'code[0]=1',
  '+code=1',
  'id_token=x',
  'access_token=x',
  'response=x',
  'session_state=x',
];

describe('redirect URIs at registration', () => {
  for (const uri of accepted.web) {
    it(`accepts ${uri}`, () => expect(checkRedirectUri(uri, 'web')).to.equal(undefined));
  }
  for (const uri of accepted.native) {
    it(`accepts ${uri} of a native client`, () =>
      expect(checkRedirectUri(uri, 'native')).to.equal(undefined));
  }
  for (const [uri, reason] of refused) {
    it(`SEC-52: refuses ${JSON.stringify(uri.slice(0, 60))} (${reason})`, () =>
      expect(checkRedirectUri(uri, 'web')).to.be.a('string').that.includes(reason));
  }
  for (const uri of refusedNative) {
    it(`SEC-52: refuses ${uri} of a native client`, () =>
      expect(checkRedirectUri(uri, 'native')).to.be.a('string'));
  }
  for (const query of reserved) {
    it(`SEC-53: refuses the query ${query}`, () => {
      const found = checkRedirectUri(`https://rp.example/cb?${query}`, 'web');
      expect(found).to.be.a('string').that.includes('query parameter');
    });
  }

  it('answers for whatever it is given, in no time (SEC-92)', () => {
    const start = performance.now();
    const long = 'a'.repeat(100_000);
    for (const uri of [long, `https://${long}`, `${'%2e'.repeat(600)}`, `a${'.a'.repeat(990)}:/`]) {
      checkRedirectUri(uri, 'native');
      checkRedirectUri(`https://rp.example/${uri}`, 'web');
    }
    expect(performance.now() - start).to.be.lessThan(500);
  });
});
