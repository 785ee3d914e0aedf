/** The plugin's service on a real database, with its neighbours played by hand. */
import { randomBytes, randomUUID } from 'node:crypto';
import * as nodeArgon2 from '@node-rs/argon2';
import type { Clock, Random } from '../../../src/kernel/clock.ts';
import type { Events } from '../../../src/kernel/events.ts';
import type { CredentialsChange } from '../../../src/kernel/plugin.ts';
import type { Database } from '../../../src/kernel/store.ts';
import type { RateLimits } from '../../../src/plugins/rate-limit/contract.ts';
import { unlimited } from '../../../src/plugins/rate-limit/service.ts';
import type { Revocation } from '../../../src/plugins/revocations/contract.ts';
import type { SessionService } from '../../../src/plugins/sessions/contract.ts';
import { loadCommonPasswords } from '../../../src/plugins/users/common-passwords.ts';
import { serviceWords } from '../../../src/plugins/users/context-words.ts';
import { createHashParameters } from '../../../src/plugins/users/hash-parameters.ts';
import { createHashQueue } from '../../../src/plugins/users/hash-queue.ts';
import { createUserModel } from '../../../src/plugins/users/model.ts';
import { createPasswordBlocklist } from '../../../src/plugins/users/password-blocklist.ts';
import { createPasswordHasher } from '../../../src/plugins/users/password-hasher.ts';
import { createPasswordPolicy } from '../../../src/plugins/users/password-policy.ts';
import { createUserService } from '../../../src/plugins/users/service.ts';
import { systemClock } from '../../../src/system.ts';
import { createRecordingLog } from '../../support/log.ts';

export const random: Random = {
  bytes: randomBytes,
  token: (count = 32) => randomBytes(count).toString('base64url'),
  uuid: randomUUID,
};

export const blocklist = createPasswordBlocklist(loadCommonPasswords);

/** A clock that stands until it is told. */
export function createStandingClock(): Clock & { time: number } {
  const clock = { time: Date.UTC(2030, 0, 2, 3, 4, 5), now: () => clock.time };
  return clock;
}

/** Keeps what was emitted, by name. */
export function createRecordingEvents(): Events & { readonly emitted: [string, unknown][] } {
  const emitted: [string, unknown][] = [];
  return { emitted, emit: ({ name }, payload) => void emitted.push([name, payload]) };
}

/** One transaction, like the real one; what was denied counts once it is committed. */
export function createFakeRevocations(db: Database) {
  const denied: Revocation[] = [];
  return {
    denied,
    async transaction<Result>(
      work: (
        transaction: Parameters<Parameters<Database['transaction']>[0]>[0],
        deny: (revocation: Revocation) => void,
      ) => Promise<Result>,
    ): Promise<Result> {
      let pending: Revocation[] = [];
      const result = await db.transaction((transaction) => {
        pending = [];
        return work(transaction, (revocation) => void pending.push(revocation));
      });
      denied.push(...pending);
      return result;
    },
  };
}

type FakeRevocations = ReturnType<typeof createFakeRevocations>;

/** Ends what it is told to once that is committed. */
export function createFakeSessions(revocations: FakeRevocations) {
  const ended: { userId: string; reason: string }[] = [];
  const endAll: SessionService['endAll'] = async (userId, reason, options = {}) => {
    await revocations.transaction(async (...open) => {
      await options.alongside?.(...open);
      await options.afterwards?.(...open);
    });
    ended.push({ userId, reason });
  };
  return { ended, endAll };
}

export interface FixtureOptions {
  readonly db: Database;
  readonly memoryKib?: number;
  /** Runs before each hash and each verification. */
  readonly onHash?: (kind: 'hash' | 'verify') => void | Promise<void>;
  readonly limits?: { slots: number; waiting: number };
  /** Of attempts at passwords. Default: none. */
  readonly attempts?: Pick<RateLimits, 'account'>;
}

/** Parameters far below the real ones: these tests ask what is hashed, not how well. */
export function createUsersFixture(options: FixtureOptions) {
  const { db, memoryKib = 64, onHash = () => undefined, limits } = options;
  const clock = createStandingClock();
  const events = createRecordingEvents();
  const log = createRecordingLog();
  const revocations = createFakeRevocations(db);
  const sessions = createFakeSessions(revocations);
  const model = createUserModel(db);
  const queue = createHashQueue({
    ...(limits ?? { slots: 2, waiting: 1_000 }),
    patience: 60_000,
    clock: systemClock,
    log,
  });
  const hasher = createPasswordHasher({
    memoryKib,
    passes: 1,
    peppers: [],
    parameters: createHashParameters(`m=${memoryKib},t=1,p=1`, model),
    queue,
    random,
    log,
    argon2: {
      parseOptions: nodeArgon2.parseOptions,
      hash: async (...args) => {
        await onHash('hash');
        return nodeArgon2.hash(...args);
      },
      verify: async (...args) => {
        await onHash('verify');
        return nodeArgon2.verify(...args);
      },
    },
  });
  const policy = createPasswordPolicy({
    minLength: 12,
    blocklist,
    serviceWords: serviceWords(new URL('https://auth.example.com')),
  });
  const credentialsChanges: CredentialsChange[] = [];
  let failure: Error | undefined;
  const failCredentialsChanged = (error: Error | undefined): void => {
    failure = error;
  };
  const service = createUserService({
    passwordMinLength: 12,
    admit: queue.admit,
    users: model,
    policy,
    hasher,
    limits: { ...unlimited, ...options.attempts },
    knownBrowsers: { accounts: async () => [] },
    sessions,
    revocations,
    userData: { erase: async () => undefined, eraseBatch: async () => false },
    async credentialsChanged(change) {
      if (failure) throw failure;
      credentialsChanges.push(change);
    },
    events,
    clock,
    random,
    log,
  });
  const neighbours = { revocations, sessions, credentialsChanges, failCredentialsChanged };
  return { service, model, clock, events, log, ...neighbours };
}

export type UsersFixture = ReturnType<typeof createUsersFixture>;

/** The problem type that the work fails with, e.g. `users:not-found`. */
export async function problemOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const type = (error as { problem?: { type?: string } }).problem?.type;
    if (type === undefined) throw error;
    return type.replace('urn:problem:', '');
  }
  return 'no problem';
}

let count = 0;

/** An address that no other test uses. */
export function newEmail(): string {
  count += 1;
  return `user-${count}-${randomUUID().slice(0, 8)}@example.com`;
}

export const PASSWORD = 'pelican voucher mint';
