/** Each check of the nemesis passes a good history and fails a bad one, so that none of them is empty. */
import { expect } from 'chai';
import { checkHistory } from './nemesis/check-history.ts';
import { quietSince } from './nemesis/checks/quiet.ts';
import { createRecorder, type History, type Operation, type Resources } from './nemesis/history.ts';
import { createSeededRandom } from './nemesis/seeded-random.ts';

const history = (parts: Partial<History>): History => ({
  operations: [],
  faults: [],
  accounts: new Map(),
  resources: [],
  ...parts,
});

/** It took 10 ms and was acknowledged, unless told otherwise. */
const operation = (kind: string, started: number, parts: Partial<Operation> = {}): Operation => ({
  kind,
  node: 'one',
  started,
  ended: started + 10,
  outcome: 'ok',
  status: 200,
  hasRetryAfter: false,
  ...parts,
});

const violations = (...operations: Operation[]): string[] => checkHistory(history({ operations }));

const expectOnly = (invariant: string, found: readonly string[], count = 1): void => {
  expect(found).to.have.lengthOf(count);
  for (const violation of found) expect(violation).to.match(new RegExp(`^${invariant}: `));
};

const refused = { outcome: 'refused', status: 401 } as const;
const unanswered = { outcome: 'unknown', status: 0 } as const;

describe('the checks of the nemesis', () => {
  describe('I1, single use', () => {
    const redeem = (started: number, parts: Partial<Operation> = {}) =>
      operation('redeem', started, { spends: 'code 1', ...parts });
    const refresh = (started: number, gave: string) =>
      operation('refresh cookie', started, { spends: 'token 1', gave });

    it('passes one success among refusals and calls without an answer', () => {
      expect(violations(redeem(0, refused), redeem(1), redeem(2, unanswered))).to.deep.equal([]);
    });

    it('fails two successes of a code or of a client’s refresh token, however close', () => {
      expectOnly('I1', violations(redeem(0), redeem(1)));
      const token = { spends: 'token 1', gave: 'token 2' };
      const uses = [operation('refresh client', 0, token), operation('refresh client', 1, token)];
      expectOnly('I1', violations(...uses));
    });

    it('passes the same answer to a cookie within the window, and fails it later', () => {
      expect(violations(refresh(0, 'token 2'), refresh(10_000, 'token 2'))).to.deep.equal([]);
      expectOnly('I1', violations(refresh(0, 'token 2'), refresh(10_100, 'token 2')));
    });

    it('fails two different answers to one cookie', () => {
      expectOnly('I1', violations(refresh(0, 'token 2'), refresh(1, 'token 3')));
    });
  });

  describe('I2, nothing undone', () => {
    const logout = operation('logout', 0, { ends: ['session 1'] });
    const use = (started: number, parts: Partial<Operation> = {}) =>
      operation('refresh client', started, { uses: ['session 1'], ...parts });

    it('passes what began before the end was acknowledged, and what is refused', () => {
      expect(violations(logout, use(5), use(20, refused), use(20, unanswered))).to.deep.equal([]);
    });

    it('passes anything after a logout that nobody acknowledged', () => {
      expect(violations({ ...logout, ...unanswered }, use(20))).to.deep.equal([]);
    });

    it('fails a success that began after it', () => {
      expectOnly('I2', violations(logout, use(11)));
    });

    it('fails a password, a role in an answer and a token alike', () => {
      const changed = operation('change password', 0, { ends: ['password a', 'family 1'] });
      expectOnly('I2', violations(changed, operation('login', 11, { uses: ['password a'] })));
      expectOnly('I2', violations(changed, operation('introspect', 11, { uses: ['family 1'] })));
    });

    describe('for what the denylist of a node decides', () => {
      const me = (started: number, node: string) => use(started, { kind: 'me', node });

      it('fails it at once at the node that acknowledged', () => {
        expectOnly('I2', violations(logout, me(11, 'one')));
      });

      it('fails it elsewhere after 6 s without a fault, and no earlier', () => {
        expect(violations(logout, me(5_000, 'two'))).to.deep.equal([]);
        expectOnly('I2', violations(logout, me(6_100, 'two')));
        const faults = [{ name: 'a fault', began: 3_000, healed: 4_000 }];
        const disturbed = history({ operations: [logout, me(6_100, 'two')], faults });
        expect(checkHistory(disturbed).filter((line) => line.startsWith('I2'))).to.deep.equal([]);
      });
    });

    describe('with roles, which may come back', () => {
      const revoke = operation('revoke role', 100, { ends: ['role'] });
      const grant = (started: number, parts: Partial<Operation> = {}) =>
        operation('grant role', started, { begins: ['role'], ...parts });
      const read = operation('read roles', 200, { uses: ['role'] });

      it('passes a role that was given again, or may have been', () => {
        expect(violations(revoke, grant(150), read)).to.deep.equal([]);
        expect(violations(grant(0, unanswered), revoke, read)).to.deep.equal([]);
        expect(violations(grant(95, { ended: 120 }), revoke, read)).to.deep.equal([]);
      });

      it('fails a role that was given before, refused, or only later', () => {
        expectOnly('I2', violations(grant(0), revoke, read));
        expectOnly('I2', violations(revoke, grant(150, refused), read));
        expectOnly('I2', violations(revoke, read, grant(300)));
      });
    });
  });

  describe('I3, registrations', () => {
    const register = operation('register', 0, { registers: 'a@example.com' });
    const check = (accounts: [string, number][], ...operations: Operation[]) =>
      checkHistory(history({ operations, accounts: new Map(accounts) }));

    it('passes one account each, and none or one without an acknowledgement', () => {
      expect(check([['a@example.com', 1]], register)).to.deep.equal([]);
      const unknown = { ...register, ...unanswered };
      expect(check([], unknown)).to.deep.equal([]);
      expect(check([['a@example.com', 1]], unknown)).to.deep.equal([]);
    });

    it('fails an acknowledged one that is gone, there twice, or acknowledged twice', () => {
      expectOnly('I3', check([], register));
      expectOnly('I3', check([['a@example.com', 2]], register));
      expectOnly('I3', check([['a@example.com', 1]], register, { ...register, started: 5 }));
    });

    it('fails a person who is refused with what was acknowledged', () => {
      const login = operation('login', 20, { ...refused, owed: true });
      expectOnly('I3', check([['a@example.com', 1]], register, login));
    });
  });

  it('I4 fails a moment without a superuser', () => {
    const count = (gave: string) => operation('count superusers', 0, { gave });
    expect(violations(count('1'), count('2'))).to.deep.equal([]);
    expectOnly('I4', violations(count('1'), count('0')));
  });

  it('I5 fails every 5xx but 503 with Retry-After', () => {
    const answer = (status: number, hasRetryAfter: boolean) =>
      operation('login', 0, { outcome: 'unknown', status, hasRetryAfter });
    expect(violations(answer(503, true), operation('login', 0, unanswered))).to.deep.equal([]);
    expectOnly('I5', violations(answer(503, false), answer(500, true), answer(502, false)), 3);
  });

  describe('I6, recovery', () => {
    const faults = [
      { name: 'first', began: 0, healed: 1_000 },
      { name: 'second', began: 10_000, healed: 11_000 },
    ];
    const probe = (started: number, parts: Partial<Operation> = {}) =>
      operation('probe', started, parts);
    const check = (...operations: Operation[]) => checkHistory(history({ operations, faults }));

    it('passes service within 5 s after each, and failures before that', () => {
      const failed = probe(2_000, unanswered);
      expect(check(failed, probe(5_900), probe(11_000))).to.deep.equal([]);
    });

    it('fails a node that needs longer, also when another does not', () => {
      expectOnly('I6', check(probe(6_100), probe(11_000)));
      const other = probe(1_500, { node: 'two' });
      expectOnly('I6', check(probe(1_500), other, probe(11_500)));
    });

    it('allows for twice the time that a probe took before the first fault', () => {
      const later = faults.map(({ name, began, healed }) => ({
        name,
        began: began + 1_000,
        healed: healed + 1_000,
      }));
      const slow = (ended: number) => [
        probe(0, { ended: 500 }),
        probe(6_500, { ended }),
        probe(12_500),
      ];
      expect(checkHistory(history({ operations: slow(8_000), faults: later }))).to.deep.equal([]);
      expectOnly('I6', checkHistory(history({ operations: slow(8_001), faults: later })));
    });

    it('fails a failure when there is no fault, unless it reaches into the next', () => {
      const good = [probe(1_500), probe(11_500)];
      expectOnly('I6', check(...good, operation('login', 7_000, unanswered)));
      const cut = operation('login', 7_000, { ...unanswered, ended: 10_500 });
      expect(check(...good, cut)).to.deep.equal([]);
    });
  });

  it('I7 fails what is not given back, and a process that was not measured before', () => {
    const base: Resources = {
      node: 'one',
      when: 'base',
      fileDescriptors: 30,
      handles: 20,
      heap: 60e6,
    };
    const check = (...ends: Partial<Resources>[]) => {
      const resources = [base, ...ends.map((end) => ({ ...base, when: 'end' as const, ...end }))];
      return checkHistory(history({ resources }));
    };
    expect(check({ fileDescriptors: 38, heap: 70e6 })).to.deep.equal([]);
    expectOnly('I7', check({ fileDescriptors: 41 }, { handles: 31 }, { heap: 100e6 }), 3);
    expectOnly('I7', check({ node: 'two' }));
  });
});

describe('the recorder of the nemesis', () => {
  const reply = (status: number) => ({ status, hasRetryAfter: false });

  it('keeps who, what, when and how it ended', async () => {
    let now = 0;
    const { record, operations } = createRecorder(() => ++now);
    const plan = { kind: 'login', node: 'one' };
    for (const status of [204, 303, 409, 503]) await record(plan, async () => status, reply);
    await record(plan, () => Promise.reject(new Error('socket hang up')), reply);
    const outcomes = operations.map(({ outcome }) => outcome);
    expect(outcomes).to.deep.equal(['ok', 'ok', 'refused', 'unknown', 'unknown']);
    expect(operations[0]).to.include({ ...plan, started: 1, ended: 2, status: 204 });
    expect(operations[4]).to.include({ started: 9, ended: 10, status: 0 });
  });

  it('adds what the answer claims to what was planned', async () => {
    const { record, operations } = createRecorder(() => 0);
    const read = () => ({ ...reply(200), uses: ['role'], gave: 'token 2' });
    await record({ kind: 'login', node: 'one', uses: ['password'] }, async () => 1, read);
    expect(operations[0]).to.deep.include({ uses: ['password', 'role'], gave: 'token 2' });
  });
});

describe('the seed of the nemesis', () => {
  const draw = (seed: number) => {
    const random = createSeededRandom(seed);
    return Array.from({ length: 20 }, () => random.below(1_000));
  };

  it('decides every number', () => {
    expect(draw(7)).to.deep.equal(draw(7));
    expect(draw(7)).not.to.deep.equal(draw(8));
    expect(new Set(draw(7)).size).to.be.greaterThan(15);
  });

  it('shuffles without loss, and its forks do not disturb each other', () => {
    const random = createSeededRandom(7);
    expect(random.shuffle([1, 2, 3, 4, 5])).to.have.members([1, 2, 3, 4, 5]);
    const [one, same] = [random.fork('a').below(1_000), random.fork('a').below(1_000)];
    expect(one).to.equal(same);
    expect(random.fork('b').below(1_000)).not.to.equal(one);
  });
});

describe('quiet time', () => {
  const fault = (began: number, healed: number) => ({ name: 'a fault', began, healed });

  it('is the longest stretch without a fault', () => {
    expect(quietSince(0, 100, [])).to.equal(100);
    expect(quietSince(0, 100, [fault(30, 40)])).to.equal(60);
    expect(quietSince(0, 100, [fault(60, 200), fault(10, 20)])).to.equal(40);
    expect(quietSince(50, 100, [fault(0, 10), fault(0, 200)])).to.equal(0);
  });
});
