import { expect } from 'chai';
import { createDenylist } from '../../../src/plugins/revocations/denylist.ts';

const SUB = '6f0d7c3a-0000-4000-8000-000000000001';

describe('denylist', () => {
  it('denies a session, a grant and a token by their ids, and nothing else (SEC-40)', () => {
    const denylist = createDenylist();
    denylist.add([
      { revocation: { sid: 's1' }, at: 0, until: 1 },
      { revocation: { jti: 'j1' }, at: 0, until: 1 },
      { revocation: { gid: 'g1' }, at: 0, until: 1 },
    ]);
    expect(denylist.denies({ sub: SUB, sid: 's1', jti: 'j2', rolesVersion: 9 })).to.equal(true);
    expect(denylist.denies({ sub: SUB, sid: 's2', jti: 'j1', rolesVersion: 9 })).to.equal(true);
    expect(denylist.denies({ sub: SUB, gid: 'g1', sid: 's2', jti: 'j2' })).to.equal(true);
    expect(denylist.denies({ sub: SUB, sid: 'j1', jti: 'g1', gid: 's1' })).to.equal(false);
    expect(denylist.denies({})).to.equal(false);
  });

  it('denies tokens with older roles, and those that do not say how old (SEC-40)', () => {
    const denylist = createDenylist();
    denylist.add([{ revocation: { sub: SUB, rolesVersion: 3 }, at: 0, until: 1 }]);
    expect(denylist.denies({ sub: SUB, rolesVersion: 2 })).to.equal(true);
    expect(denylist.denies({ sub: SUB, rolesVersion: 3 })).to.equal(false);
    expect(denylist.denies({ sub: SUB })).to.equal(true);
    expect(denylist.denies({ sub: 'another', rolesVersion: 1 })).to.equal(false);
  });

  it('never goes back to an older roles version', () => {
    const denylist = createDenylist();
    denylist.add([
      { revocation: { sub: SUB, rolesVersion: 5 }, at: 0, until: 9 },
      { revocation: { sub: SUB, rolesVersion: 4 }, at: 0, until: 2 },
    ]);
    expect(denylist.denies({ sub: SUB, rolesVersion: 4 })).to.equal(true);
    denylist.prune(9);
    expect(denylist.denies({ sub: SUB, rolesVersion: 4 })).to.equal(true);
  });

  it('drops what has ended, by the latest end it was added with', () => {
    const denylist = createDenylist();
    denylist.add([
      { revocation: { sid: 'old' }, at: 0, until: 10 },
      { revocation: { jti: 'old' }, at: 0, until: 10 },
      { revocation: { gid: 'old' }, at: 0, until: 10 },
      { revocation: { sub: SUB, rolesVersion: 2 }, at: 0, until: 10 },
      { revocation: { sid: 'again' }, at: 0, until: 30 },
      { revocation: { sid: 'again' }, at: 0, until: 10 },
    ]);
    expect(denylist.size).to.equal(5);
    denylist.prune(20);
    expect(denylist.size).to.equal(1);
    expect(denylist.denies({ sid: 'again' })).to.equal(true);
  });
});
