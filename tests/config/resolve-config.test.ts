import { expect } from 'chai';
import { z } from 'zod';
import { resolveConfig } from '../../config/load.ts';
import { faultsOf, GOOD_KEY } from './config-faults.ts';

const HTTPS = { PUBLIC_URL: 'https://auth.example.com', SECRET_KEY: GOOD_KEY };

describe('settings', () => {
  it('need none for a local start', () => {
    const config = resolveConfig({});
    expect(config.publicUrl.href).to.equal('http://localhost:3000/');
    expect(config).to.include({
      apiAudience: 'http://localhost:3000/api',
      embedded: true,
      mayMigrate: true,
    });
    expect(config.secretKeys).to.deep.equal([]);
  });

  it('derive the issuer and the audience from PUBLIC_URL, path included', () => {
    const config = resolveConfig({ ...HTTPS, PUBLIC_URL: 'https://example.com/auth/' });
    expect(config.publicUrl.href).to.equal('https://example.com/auth');
    expect(config.apiAudience).to.equal('https://example.com/auth/api');
  });

  it('follow PORT where PUBLIC_URL is not given', () => {
    expect(resolveConfig({ PORT: '8080' }).publicUrl.href).to.equal('http://localhost:8080/');
  });

  it('migrate by themselves only where the database is ours, unless told', () => {
    const DATABASE_URL = 'postgres://db.example.com/auth';
    expect(resolveConfig({ DATABASE_URL })).to.include({ embedded: false, mayMigrate: false });
    expect(resolveConfig({ DATABASE_URL, MIGRATE_ON_START: 'true' }).mayMigrate).to.equal(true);
    expect(resolveConfig({ MIGRATE_ON_START: 'off' }).mayMigrate).to.equal(false);
  });

  it('SEC-95 take a list of secrets, the newest first', () => {
    const older = GOOD_KEY.split('').reverse().join('');
    const { secretKeys } = resolveConfig({ ...HTTPS, SECRET_KEY: `${GOOD_KEY}, ${older}` });
    expect(secretKeys).to.deep.equal([GOOD_KEY, older]);
  });

  it('SEC-95 name every fault in one error', async () => {
    const plugin = {
      name: 'mail',
      settings: z.object({ MAIL_RETRIES: z.coerce.number().int().min(1), MAIL_FROM: z.email() }),
    };
    const environment = {
      PORT: 'eighty',
      PUBLIC_URL: 'https://auth.example.com',
      SECRET_KEY: 'too short',
      DATABASE_URL: 'mysql://127.0.0.1/x',
      REDIS_URL: 'not a url',
      ACCESS_TOKEN_TTL: '1.5',
      SESSION_IDLE_TTL: '900',
      SESSION_TTL: '600',
      REGISTRATION: 'strictly',
      TRUST_PROXY: '10.0.0.0/8,10.0.0.0/33,proxy',
      CORS_ORIGINS: 'https://app.example.com/',
      LOG_LEVEL: 'loud',
      MIGRATE_ON_START: 'perhaps',
      MAIL_RETRIES: '0',
    };
    const faults = await faultsOf(() => resolveConfig(environment, [plugin]));
    const names = faults.map((fault) => fault.slice(0, fault.indexOf(':')));
    expect(names).to.have.members([
      ...Object.keys(environment).filter((name) => !['PUBLIC_URL', 'SESSION_TTL'].includes(name)),
      'TRUST_PROXY', // twice: one for each address that is wrong
      'MAIL_FROM',
    ]);
  });

  it('say it in words that name neither types nor secrets', async () => {
    const secret = 'hunter2-hunter2';
    const faults = await faultsOf(() =>
      resolveConfig({
        PORT: '70000',
        ACCESS_TOKEN_TTL: '1',
        SESSION_TTL: 'NaN',
        LOG_LEVEL: 'x',
        SECRET_KEY: secret,
        DATABASE_URL: `mysql://admin:${secret}@db/x`,
      }),
    );
    expect(faults).to.include.members([
      'PORT: must be at most 65535',
      'ACCESS_TOKEN_TTL: must be at least 30',
      'SESSION_TTL: must be a whole number',
      'LOG_LEVEL: must be one of fatal, error, warn, info, debug, trace, silent',
      'DATABASE_URL: must be a URL that starts with postgres:// or postgresql://',
    ]);
    expect(faults.join()).to.not.contain(secret);
  });

  it('name the plugin for a fault of its settings as a whole', async () => {
    const settings = z
      .object({ A: z.string().optional(), B: z.string().optional() })
      .refine(({ A, B }) => (A === undefined) === (B === undefined), 'needs A and B, or neither');
    const faults = await faultsOf(() => resolveConfig({ A: 'x' }, [{ name: 'pair', settings }]));
    expect(faults).to.deep.equal(['pair: needs A and B, or neither']);
  });

  describe('SEC-95 PUBLIC_URL', () => {
    const refused: Readonly<Record<string, string>> = {
      'http://auth.example.com': 'must be https unless the host is localhost',
      'http://10.0.0.5:3000': 'must be https unless',
      'http://127.0.0.1.example.com': 'must be https unless',
      'http://localhost.example.com': 'must be https unless',
      'https://auth.example.com/?a=1': 'must have no query',
      'https://auth.example.com/?': 'must have no query',
      'https://auth.example.com/#top': 'must have no query and no fragment',
      'https://user@auth.example.com': 'must have no user name',
      'https://:secret@auth.example.com': 'must have no user name and no password',
      'https://auth.example.com//evil.example': 'must have no empty path segment',
      'ftp://auth.example.com': 'must be a URL that starts with http:// or https://',
      'auth.example.com': 'must be a URL that starts with',
      [`https://auth.example.com/${'a'.repeat(488)}`]: 'must have at most 512 characters',
      'javascript:alert(1)': 'must be a URL that starts with',
    };
    for (const [url, fault] of Object.entries(refused)) {
      it(`refuses ${url.slice(0, 40)}`, async () => {
        const faults = await faultsOf(() => resolveConfig({ ...HTTPS, PUBLIC_URL: url }));
        expect(faults).to.have.lengthOf(1);
        expect(faults[0]).to.contain(`PUBLIC_URL: ${fault}`);
      });
    }

    it('B-03 takes one of 512 characters, with which tokens have room for roles', () => {
      const url = `https://auth.example.com/${'a'.repeat(487)}`;
      expect(resolveConfig({ ...HTTPS, PUBLIC_URL: url }).publicUrl.href).to.equal(url);
    });

    for (const url of ['http://localhost:3000', 'http://127.8.9.10', 'http://[::1]:80/sub']) {
      it(`allows ${url}`, () => {
        expect(resolveConfig({ PUBLIC_URL: url }).publicUrl.origin).to.equal(new URL(url).origin);
      });
    }
  });

  describe('SEC-95 SECRET_KEY', () => {
    const refused: Readonly<Record<string, string>> = {
      short: 'at least 32 bytes',
      [`${GOOD_KEY},short`]: 'at least 32 bytes in each key',
      [`${GOOD_KEY},`]: 'at least 32 bytes in each key',
      ',': 'at least 32 bytes',
      change_me_change_me_change_me_change_me: 'is an example',
      'this-is-my-secret-key-0123456789-0123456789': 'is an example',
      aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: 'is an example',
      '01234567890123456789012345678901234567890': 'is an example',
      abcdefghijklmnopqrstuvwxyz0123456789: 'is an example',
      secretsecretsecretsecretsecretsecret: 'is an example',
      deadbeefdeadbeefdeadbeefdeadbeef: 'is an example',
      [`${GOOD_KEY},qwertyuiopqwertyuiopqwertyuiopqwerty`]: 'is an example',
    };
    for (const [key, fault] of Object.entries(refused)) {
      it(`refuses ${key.slice(0, 60)}`, async () => {
        const faults = await faultsOf(() => resolveConfig({ ...HTTPS, SECRET_KEY: key }));
        expect(faults).to.have.lengthOf(1);
        expect(faults[0])
          .to.match(/^SECRET_KEY: /)
          .and.contain(fault);
      });
    }

    for (const url of ['https://auth.example.com', 'HTTPS://auth.example.com', 'https://x/?q']) {
      it(`is required with ${url}`, async () => {
        const faults = await faultsOf(() => resolveConfig({ PUBLIC_URL: url }));
        expect(faults.join()).to.contain('SECRET_KEY: is required when PUBLIC_URL is https');
      });
    }

    it('counts bytes, not characters', () => {
      expect(resolveConfig({ ...HTTPS, SECRET_KEY: 'žluťoučký-kůň-úpěl-ďábelské' })).to.be.an(
        'object',
      );
    });
  });

  describe('TRUST_PROXY', () => {
    for (const item of ['1', 'x', '10.0.0.0/33', '10.0.0.1/', '/8', '::1/129', '10.0.0.0/8/9']) {
      it(`refuses ${item}`, async () => {
        const faults = await faultsOf(() => resolveConfig({ TRUST_PROXY: `127.0.0.1, ${item}` }));
        expect(faults).to.deep.equal([`TRUST_PROXY: "${item}" is neither an address nor a CIDR`]);
      });
    }

    it('takes addresses and CIDRs', () => {
      const { TRUST_PROXY } = resolveConfig({ TRUST_PROXY: '10.0.0.0/8, ::1 ,fd00::/8' });
      expect(TRUST_PROXY).to.deep.equal(['10.0.0.0/8', '::1', 'fd00::/8']);
    });
  });

  describe('OUTGOING_PRIVATE', () => {
    const wrong = [
      ...['127.1', '2130706433', '0x7f.1', '10.0.0.0/33', '10.0.0.1/', '10.0.0.0/8/9', '/8'],
      ...['https://x', 'x:443', '*.internal', 'a b', 'x/y', 'u@x', '[::1]', '::ffff:10.0.0.0/104'],
    ];
    for (const item of wrong) {
      it(`SEC-66 refuses ${item}`, async () => {
        const faults = await faultsOf(() => resolveConfig({ OUTGOING_PRIVATE: `a.b, ${item}` }));
        const fault = `OUTGOING_PRIVATE: "${item}" is neither a host, an address nor a CIDR`;
        expect(faults).to.deep.equal([fault]);
      });
    }

    it('SEC-66 takes hosts, addresses and CIDRs; none by default', () => {
      const items = ['shop', 'Shop.Internal', '10.0.0.7', 'fd00::7', '10.0.0.0/8', 'fd12::/16'];
      const { OUTGOING_PRIVATE } = resolveConfig({ OUTGOING_PRIVATE: items.join(', ') });
      expect(OUTGOING_PRIVATE).to.deep.equal(items);
      expect(resolveConfig({}).OUTGOING_PRIVATE).to.deep.equal([]);
    });
  });

  it('SEC-34 take exact origins in CORS_ORIGINS', async () => {
    const wrong = ['*', 'null', 'app.example.com', 'https://*.example.com/x', 'https://a.example/'];
    const CORS_ORIGINS = ['https://app.example.com', ...wrong].join(',');
    const faults = await faultsOf(() => resolveConfig({ CORS_ORIGINS }));
    expect(faults).to.have.lengthOf(wrong.length);
    for (const [i, item] of wrong.entries()) expect(faults[i]).to.contain(`"${item}" is not`);
  });

  it('take an absolute URI without fragment as API_AUDIENCE (RFC 8707 §2)', async () => {
    expect(resolveConfig({ API_AUDIENCE: 'urn:example:api' }).apiAudience).to.equal(
      'urn:example:api',
    );
    for (const API_AUDIENCE of ['/api', 'https://api.example.com/#x']) {
      expect(await faultsOf(() => resolveConfig({ API_AUDIENCE }))).to.have.lengthOf(1);
    }
  });
});
