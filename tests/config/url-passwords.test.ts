import { expect } from 'chai';
import { parseConnectionUrl } from 'nodemailer/lib/shared';
import { loadSettings } from '../../src/load-settings.ts';
import { faultsOf } from './config-faults.ts';

/** Pieces of the passwords below, long enough to be found. */
const PIECES = /s3cr3t|w0rd|t0ken/;

const REFUSED: Readonly<Record<string, readonly string[]>> = {
  SMTP_URL: [
    'smtp://user:p@s3cr3t/w0rd#t0ken@mail.example.com',
    'smtp://user:p@s3cr3t/w0rd',
    'smtp://user:1/s3cr3t@mail.example.com',
    'smtp://user:1#s3cr3t@mail.example.com',
    'smtps://user:1?s3cr3t@mail.example.com',
    'smtp://user:s3cr3t?w0rd@mail.example.com',
    'smtp://user:s3cr3t/w0rd@mail.example.com',
    'smtp://user:s3cr3t%w0rd@mail.example.com',
    'smtp://s3cr3t@mail.example.com',
    'smtp://mail.example.com/w0rd',
    'smtp://mail.example.com#w0rd',
  ],
  REDIS_URL: [
    'redis://user:1/s3cr3t@redis.example.com',
    'redis://user:1?s3cr3t@redis.example.com',
    'redis://user:1#s3cr3t@redis.example.com/0',
    'redis-cluster://user:s3cr3t/w0rd@redis.example.com',
    'redis-sentinel://user:1/s3cr3t@a,b/mymaster',
    'rediss://user:s3cr3t%w0rd@redis.example.com',
  ],
  SENTRY_DSN: [
    'https://key:1/s3cr3t@sentry.example.com/42',
    'https://t0ken@sentry.example.com',
    'https://sentry.example.com/t0ken/42',
    'https://t0ken@sentry.example.com/42?s3cr3t@x',
  ],
  OTEL_EXPORTER_OTLP_ENDPOINT: [
    'https://user:1/s3cr3t@otlp.example.com:4318',
    'https://user:1?s3cr3t@otlp.example.com',
    'https://user:s3cr3t#w0rd@otlp.example.com',
  ],
};

describe('passwords in URLs of settings', () => {
  for (const [name, urls] of Object.entries(REFUSED)) {
    it(`B-18 ${name}: one that is not written percent-encoded is refused at the start, and no piece of it is told`, async () => {
      for (const url of urls) {
        const faults = await faultsOf(() => loadSettings({ [name]: url }));
        expect(faults, url).to.have.lengthOf(1);
        expect(faults[0], url)
          .to.match(new RegExp(`^${name}: (must|has) `))
          .and.not.match(PIECES);
      }
    });
  }

  it('B-18 say how it is written', async () => {
    const SMTP_URL = 'smtp://user:p@ss/w#rd@host';
    expect(await faultsOf(() => loadSettings({ SMTP_URL }))).to.deep.equal([
      'SMTP_URL: has a user name or password with a character that ends it: write / as %2F, ? as %3F, # as %23 and @ as %40',
    ]);
  });

  it('B-18 are taken when they are, whatever characters they have', async () => {
    const password = 'p@ss/w#r?d%1:ü';
    const userInfo = `user:${encodeURIComponent(password)}`;
    await loadSettings({
      SMTP_URL: `smtps://${userInfo}@mail.example.com:465/`,
      REDIS_URL: `redis://${userInfo}@redis.example.com:6379/0`,
      SENTRY_DSN: 'https://0a1b:2c3d@sentry.example.com/base/42',
      OTEL_EXPORTER_OTLP_ENDPOINT: `https://${userInfo}@otlp.example.com/base`,
    });
    const { auth } = parseConnectionUrl(`smtp://${userInfo}@mail.example.com`);
    expect(auth).to.deep.equal({ user: 'user', pass: password });
    await loadSettings({ SMTP_URL: 'smtp://[2001:db8::1]:25?name=mail.example.com' });
  });
});
