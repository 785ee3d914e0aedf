import { expect } from 'chai';
import { checkBackchannelLogoutUri } from '../../../src/plugins/clients/check-logout-uri.ts';
import { outgoingOf } from '../../support/outgoing.ts';

const PRODUCTION = outgoingOf('https://auth.example.com');
const LOCAL = outgoingOf('http://localhost:3000');

const internal = [
  'https://127.0.0.1/bcl',
  'https://127.8.9.10/bcl',
  'https://localhost/bcl',
  'https://rp.localhost/bcl',
  'https://[::1]/bcl',
  'https://[::]/bcl',
  'https://0.0.0.0/bcl',
  'https://10.0.0.7/bcl',
  'https://172.16.0.1/bcl',
  'https://192.168.1.1/bcl',
  'https://100.64.0.1/bcl',
  'https://169.254.169.254/latest/meta-data',
  'https://[fe80::1]/bcl',
  'https://[fd00::1]/bcl',
  'https://[::ffff:7f00:1]/bcl',
  'https://[::ffff:a9fe:a9fe]/bcl',
  'https://[64:ff9b::7f00:1]/bcl',
  'https://[2002:7f00:1::]/bcl',
  'https://224.0.0.1/bcl',
  'https://255.255.255.255/bcl',
];

describe('back-channel logout URIs at registration', () => {
  for (const uri of internal) {
    it(`SEC-66: a server on https refuses ${uri}`, () => {
      const found = checkBackchannelLogoutUri(uri, PRODUCTION);
      expect(found).to.match(
        /^leads to a (?:private, loopback or reserved|link-local or metadata) address/,
      );
    });
  }

  for (const uri of ['http://rp.example/bcl', 'http://127.0.0.1/bcl', 'ftp://rp.example/bcl']) {
    it(`SEC-66: a server on https refuses ${uri}`, () =>
      expect(checkBackchannelLogoutUri(uri, PRODUCTION)).to.equal('must use https'));
  }

  it('obeys the rules of every URI too', () => {
    for (const uri of ['https://u@rp.example/', 'https://rp.example/#a', 'https://2130706433/']) {
      expect(checkBackchannelLogoutUri(uri, PRODUCTION), uri).to.be.a('string');
      expect(checkBackchannelLogoutUri(uri, LOCAL), uri).to.be.a('string');
    }
  });

  it('accepts public https addresses', () => {
    for (const uri of ['https://rp.example/bcl?a=b', 'https://198.41.0.4/', 'https://[2606::1]/']) {
      expect(checkBackchannelLogoutUri(uri, PRODUCTION), uri).to.equal(undefined);
    }
  });

  it('accepts http on loopback only while the issuer itself is on http', () => {
    for (const uri of ['http://127.0.0.1:4000/bcl', 'http://localhost/bcl', 'http://[::1]/bcl']) {
      expect(checkBackchannelLogoutUri(uri, LOCAL), uri).to.equal(undefined);
    }
    for (const uri of ['http://192.168.1.1/bcl', 'http://rp.example/bcl', 'ftp://localhost/bcl']) {
      expect(checkBackchannelLogoutUri(uri, LOCAL), uri).to.be.a('string');
    }
  });
});
