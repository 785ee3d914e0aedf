import { expect } from 'chai';
import { formActionSource, redirectHost } from '../../src/oidc/form-action.ts';

describe('where a form may lead', () => {
  const targets: [uri: string, host: string, source: string][] = [
    ['com.example.app:/cb', 'com.example.app', 'com.example.app:'],
    ['http://127.0.0.1:51004/cb', '127.0.0.1:51004', 'http://127.0.0.1:51004'],
    ['http://[::1]:51004/cb', '[::1]:51004', 'http:'],
    ['https://shop.example.com/cb', 'shop.example.com', 'https://shop.example.com'],
  ];
  for (const [uri, host, source] of targets) {
    it(`SEC-93 ${uri}: ${host} for people, ${source} for browsers`, () => {
      expect([redirectHost(uri), formActionSource(uri)]).to.deep.equal([host, source]);
    });
  }
});
