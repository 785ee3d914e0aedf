import { expect } from 'chai';
import { createKeyCipher } from '../../../src/plugins/keys/key-cipher.ts';
import { testRandom } from '../plugin-context.ts';

const FORMER = Buffer.alloc(32, 1);
const NEW = Buffer.alloc(32, 2);
const PLAIN = '{"kty":"EC","d":"private"}';

describe('key cipher', () => {
  const cipher = createKeyCipher([FORMER], testRandom);

  it('gives back what was encrypted, and never the same text twice', () => {
    const sealed = cipher.encrypt(PLAIN, 'kid-1');
    expect(cipher.decrypt(sealed, 'kid-1')).to.deep.equal({ plain: PLAIN, outdated: false });
    expect(cipher.encrypt(PLAIN, 'kid-1')).to.not.equal(sealed);
    expect(Buffer.from(sealed.slice(3), 'base64url').includes('private')).to.equal(false);
  });

  it('refuses the row of one key under the name of another', () => {
    const sealed = cipher.encrypt(PLAIN, 'kid-1');
    expect(() => cipher.decrypt(sealed, 'kid-2')).to.throw('kid-2 cannot be decrypted');
  });

  it('refuses a text of which any byte was changed, cut off or added', () => {
    const sealed = cipher.encrypt(PLAIN, 'kid-1');
    const bytes = Buffer.from(sealed.slice(3), 'base64url');
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      const text = `v1.${changed.toString('base64url')}`;
      expect(() => cipher.decrypt(text, 'kid-1'), `byte ${index}`).to.throw('SECRET_KEY');
    }
    for (const text of [
      '',
      'v1.',
      'v1.AAAA',
      sealed.slice(3),
      sealed.slice(0, -4),
      `${sealed}AAAA`,
    ]) {
      expect(() => cipher.decrypt(text, 'kid-1'), text).to.throw('SECRET_KEY');
    }
  });

  it('opens with a former secret and says so (SEC-95)', () => {
    const sealed = cipher.encrypt(PLAIN, 'kid-1');
    const rotated = createKeyCipher([NEW, FORMER], testRandom);
    expect(rotated.decrypt(sealed, 'kid-1')).to.deep.equal({ plain: PLAIN, outdated: true });
    const other = createKeyCipher([NEW], testRandom);
    expect(() => other.decrypt(sealed, 'kid-1')).to.throw(/SECRET_KEY has changed/);
  });
});
