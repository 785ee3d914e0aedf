import { expect } from 'chai';
import { settings } from '../../../src/plugins/users/settings.ts';

const faultsOf = (given: Record<string, string>): PropertyKey[] =>
  settings.safeParse(given).error?.issues.map(({ path }) => path[0] ?? '') ?? [];

describe('settings of users', () => {
  it('SEC-1 SEC-7 has safe defaults', () => {
    expect(settings.parse({})).to.deep.equal({
      PASSWORD_MIN_LENGTH: 12,
      ARGON2_MEMORY_KIB: 19_456,
      ARGON2_PASSES: 2,
      HASH_QUEUE: 64,
      HASH_PATIENCE: 5,
    });
  });

  it('SEC-1 SEC-7 refuses what is below the floors', () => {
    expect(faultsOf({ PASSWORD_MIN_LENGTH: '7' })).to.deep.equal(['PASSWORD_MIN_LENGTH']);
    expect(faultsOf({ ARGON2_MEMORY_KIB: '19455' })).to.deep.equal(['ARGON2_MEMORY_KIB']);
    expect(faultsOf({ ARGON2_PASSES: '1' })).to.deep.equal(['ARGON2_PASSES']);
    expect(faultsOf({ HASH_SLOTS: '0' })).to.deep.equal(['HASH_SLOTS']);
    expect(faultsOf({ PASSWORD_PEPPER: 'short' })).to.deep.equal(['PASSWORD_PEPPER']);
    expect(faultsOf({ PASSWORD_PEPPER: `${'x'.repeat(32)},` })).to.deep.equal(['PASSWORD_PEPPER']);
  });

  it('describes every setting and masks the secret', () => {
    for (const [name, schema] of Object.entries(settings.shape)) {
      expect(schema.description, name).to.be.a('string').and.not.equal('');
    }
    expect(settings.shape.PASSWORD_PEPPER.meta()).to.include({ secret: true });
  });
});
