import { expect } from 'chai';
import { redirectHost } from '../../src/oidc/redirect-host.ts';

describe('a redirect URI as people know it', () => {
  const hosts: Record<string, string> = {
    'com.example.app:/cb': 'com.example.app',
    'http://127.0.0.1:51004/cb': '127.0.0.1:51004',
    'http://[::1]:51004/cb': '[::1]:51004',
    'https://shop.example.com/cb': 'shop.example.com',
  };
  for (const [uri, host] of Object.entries(hosts)) {
    it(`${uri}: ${host}`, () => expect(redirectHost(uri)).to.equal(host));
  }
});
