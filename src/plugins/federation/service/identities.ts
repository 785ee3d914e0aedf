import type { Clock, Random } from '../../../kernel/clock.ts';
import type { Events } from '../../../kernel/events.ts';
import type { CredentialsChange, Log } from '../../../kernel/plugin.ts';
import type { Transaction } from '../../../kernel/store.ts';
import type { WaysIn } from '../../email-links/contract.ts';
import type { User, UserService } from '../../users/contract.ts';
import { callUpstream } from '../call-upstream.ts';
import type { Proof } from '../check-identity.ts';
import { IdentityLinked, IdentityUnlinked } from '../contract.ts';
import type { TellOfIdentity } from '../identity-letters.ts';
import type { IdentityModel, IdentityRow } from '../model.ts';
import { problems } from '../problems.ts';
import type { Providers } from '../providers.ts';
import type { TokenCipher } from '../token-cipher.ts';
import { identityRow } from './resolve-user.ts';

export interface IdentityDependencies {
  readonly users: UserService;
  readonly identities: IdentityModel;
  readonly providers: Providers;
  readonly cipher: TokenCipher;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly tell: TellOfIdentity;
}

export interface LinkedIdentity {
  readonly provider: string;
  readonly label: string;
  readonly email: string | null;
  readonly linkedAt: Date;
  readonly lastUsedAt: Date;
  /** Whether tokens of it are kept here. */
  readonly hasTokens: boolean;
}

export type Identities = ReturnType<typeof createIdentities>;

/** The identities of a user: list, link, unlink, give the upstream grant back. */
export function createIdentities(dependencies: IdentityDependencies) {
  const { users, identities, providers, cipher, events, clock, log, tell } = dependencies;

  const describe = (row: IdentityRow): LinkedIdentity => ({
    provider: row.provider,
    label: providers.known(row.provider)?.label ?? row.provider,
    email: row.email,
    linkedAt: row.created_at,
    lastUsedAt: row.last_used_at,
    hasTokens: row.tokens !== null,
  });

  const findOwn = async (userId: string, provider: string): Promise<IdentityRow> => {
    const own = await identities.ofUser(userId);
    const row = own.find((one) => one.provider === provider);
    if (!row) throw problems.notLinked();
    return row;
  };

  const add = async (user: User, proof: Proof): Promise<void> => {
    // An account that its owner may yet claim by mail must not have a second door (pre-hijacking, SEC-73).
    if (!user.emailVerified || !proof.verifiedEmail) throw problems.linkUnverified();
    const row = identityRow(proof, user.id, dependencies);
    await identities.transaction(async (transaction) => {
      // What was proven with the former credentials opens no door any more (D4).
      const isAsKnown = await identities.lockUser(user.id, user.credentialsVersion, transaction);
      if (!isAsKnown) throw problems.stateInvalid();
      if (!(await identities.insert(row, transaction))) throw problems.alreadyLinked();
      await tell(user, 'identity-connected', describe(row), transaction);
    });
    events.emit(IdentityLinked, { userId: user.id, provider: proof.provider });
  };

  const link = async (user: User | undefined, proof: Proof): Promise<void> => {
    if (!user || user.disabledAt) throw problems.accountUnavailable();
    const known = await identities.find(proof.issuer, proof.subject);
    if (!known) return add(user, proof);
    if (known.user_id !== user.id) throw problems.identityTaken();
    await identities.used(known.id, new Date(clock.now()), proof.tokens);
  };

  /** Deletes rows of this user, and tells them. */
  const takeAway = async (
    user: User | undefined,
    rows: readonly IdentityRow[],
    transaction: Transaction,
  ): Promise<void> => {
    for (const row of rows) {
      if (!(await identities.delete(row.id, transaction))) continue;
      if (user) await tell(user, 'identity-disconnected', describe(row), transaction);
    }
  };

  /** What `email-links` shows at a reset: an identity has the id of its provider. */
  const ways: WaysIn = {
    async list(userId) {
      const own = (await identities.ofUser(userId)).map(describe);
      return own.map(({ provider: id, label, email: detail, linkedAt: since }) => ({
        ...{ id, label, detail, since },
      }));
    },

    /** Never the last way in: the password that is set with it stays. */
    async remove(user, ids, transaction) {
      const own = await identities.ofUser(user.id, transaction);
      const removed = own.filter(({ provider }) => ids.includes(provider));
      await takeAway(user, removed, transaction);
      transaction.afterCommit(() => {
        for (const { provider } of removed) {
          events.emit(IdentityUnlinked, { userId: user.id, provider });
        }
      });
    },
  };

  return {
    ways,

    /** Of an address that is claimed every door closes: whoever registered it is out (SEC-73). */
    async credentialsChanged({ userId, by }: CredentialsChange, transaction: Transaction) {
      if (by !== 'address-claimed') return;
      for (const { id, provider } of await identities.ofUser(userId, transaction)) {
        if (!(await identities.delete(id, transaction))) continue;
        transaction.afterCommit(() => events.emit(IdentityUnlinked, { userId, provider }));
      }
    },

    list: async (userId: string): Promise<readonly LinkedIdentity[]> =>
      (await identities.ofUser(userId)).map(describe),

    /**
     * Links for who has just proved both sides, to the user as read before they did: after a change of credentials meanwhile
     * they start again. Idempotent. Throws `federation:state-invalid`, `federation:link-unverified`, `:identity-taken`,
     * `:already-linked`, `:account-unavailable`.
     */
    link,

    /** Throws `federation:last-way-in`, also for the faster of two requests that would take both, `:not-linked`. */
    async unlink(userId: string, provider: string): Promise<void> {
      const user = await users.find(userId);
      await identities.transaction(async (transaction) => {
        // Locks the user: others that take away a way in wait here.
        const hasPassword = await users.hasPassword(userId, transaction);
        const own = await identities.ofUser(userId, transaction);
        const row = own.find((one) => one.provider === provider);
        if (!row) throw problems.notLinked();
        const open = providers.enabled().map(({ id }) => id);
        const others = own.filter((one) => one !== row && open.includes(one.provider));
        if (!hasPassword && others.length === 0) throw problems.lastWayIn();
        await takeAway(user, [row], transaction);
      });
      events.emit(IdentityUnlinked, { userId, provider });
    },

    /** Throws `federation:not-linked`, `:nothing-to-revoke`, and as `callUpstream` does; then the tokens stay. */
    async revoke(userId: string, id: string): Promise<void> {
      const row = await findOwn(userId, id);
      const provider = providers.known(id);
      const tokens = row.tokens === null ? undefined : await cipher.open(row.tokens, row);
      const { tokens: sealed } = row;
      if (!provider?.revoke || !tokens || sealed === null) throw problems.nothingToRevoke();
      await callUpstream(provider, log, async () => provider.revoke?.(tokens));
      await identities.forgetTokens(row.id, sealed);
    },
  };
}
