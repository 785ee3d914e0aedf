import type { Clock, Random } from '../../../kernel/clock.ts';
import type { CoreSettings } from '../../../kernel/plugin.ts';
import type { Transaction } from '../../../kernel/store.ts';
import type { User, UserService } from '../../users/contract.ts';
import type { Proof } from '../check-identity.ts';
import type { IdentityModel, IdentityRow } from '../model.ts';
import { problems } from '../problems.ts';

export interface ResolveDependencies {
  readonly users: UserService;
  readonly identities: IdentityModel;
  readonly registration: CoreSettings['registration'];
  readonly clock: Clock;
  readonly random: Random;
}

/** Whose identity it is, or whose it may become if they say so. */
export type Resolved =
  | { readonly kind: 'user'; readonly user: User }
  | { readonly kind: 'link'; readonly user: User };

export type ResolveUser = (proof: Proof) => Promise<Resolved>;

/** A row for the identity, linked to a user from now on. */
export const identityRow = (
  { provider, issuer, subject, verifiedEmail, tokens }: Proof,
  userId: string,
  { clock, random }: Pick<ResolveDependencies, 'clock' | 'random'>,
): IdentityRow => ({
  id: random.uuid(),
  user_id: userId,
  ...{ provider, issuer, subject },
  email: verifiedEmail?.address ?? null,
  tokens: tokens ?? null,
  created_at: new Date(clock.now()),
  last_used_at: new Date(clock.now()),
});

/** Rolls the new user back: its identity was linked by another request meanwhile. */
class LinkedMeanwhile extends Error {
  override readonly name = 'LinkedMeanwhile';
}

/**
 * The user of an identity. Accounts are never joined by their addresses: one that is not verified on both sides is refused,
 * one that is asks the person (SEC-70 to SEC-73). Throws `federationProblems`.
 */
export function createResolveUser(dependencies: ResolveDependencies): ResolveUser {
  const { users, identities, registration, clock } = dependencies;

  const usable = (user: User | undefined): User => {
    if (!user || user.disabledAt) throw problems.accountUnavailable();
    return user;
  };

  const linked = async ({ issuer, subject, tokens }: Proof): Promise<Resolved | undefined> => {
    const row = await identities.find(issuer, subject);
    if (!row) return undefined;
    const user = usable(await users.find(row.user_id));
    // Last: whoever takes it away from here on changes credentials too, or finds the session of this sign-in.
    const isThere = await identities.used(row.id, new Date(clock.now()), tokens);
    return isThere ? { kind: 'user', user } : undefined;
  };

  /** Undefined when the address was taken by another request meanwhile. */
  const createUser = async (
    proof: Proof,
    email: NonNullable<Proof['verifiedEmail']>,
  ): Promise<User | undefined> => {
    if (registration === 'closed') throw problems.registrationClosed();
    const prepared = {
      email: email.address,
      passwordHash: null,
      name: proof.name,
      locale: proof.locale,
    };
    const alongside = async ({ id }: User, transaction: Transaction): Promise<void> => {
      const row = identityRow(proof, id, dependencies);
      if (!(await identities.insert(row, transaction))) throw new LinkedMeanwhile();
    };
    try {
      return await users.create(prepared, { emailVerified: true, alongside });
    } catch (error) {
      if (error instanceof LinkedMeanwhile) return undefined;
      throw error;
    }
  };

  const create = async (
    proof: Proof,
    email: NonNullable<Proof['verifiedEmail']>,
  ): Promise<Resolved> => {
    const user = await createUser(proof, email);
    if (user) return { kind: 'user', user };
    // Whoever was faster is either this person in another tab, or somebody with the same address.
    const faster = await linked(proof);
    if (!faster) throw problems.linkRequired();
    return faster;
  };

  return async (proof) => {
    const known = await linked(proof);
    if (known) return known;
    const { verifiedEmail } = proof;
    if (!verifiedEmail) throw problems.emailUnverified();
    const owner = await users.findByEmail(verifiedEmail.address);
    if (!owner) return create(proof, verifiedEmail);
    if (!owner.emailVerified) throw problems.accountUnverified();
    return { kind: 'link', user: usable(owner) };
  };
}
