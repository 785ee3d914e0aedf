import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { Clock, Random } from '../../kernel/clock.ts';
import { BATCH, inBatches } from '../../kernel/in-batches.ts';
import { CodeReplayed, type NewGrant, type Rotation } from '../../kernel/oidc.ts';
import { StoreUnavailable, type Transaction } from '../../kernel/store.ts';
import { MoreThanABatch } from '../../kernel/whole-or-batches.ts';
import type { Deny, RevocationService } from '../revocations/contract.ts';
import type { GrantFilter, GrantOwner, GrantService } from './contract.ts';
import type { LostRotations } from './lost-rotations.ts';
import { type GrantModel, type GrantRow, toOwner } from './model.ts';

/** Seconds in which a second use of a refresh token counts as a parallel request, not as a replay. */
const SAME_ANSWER_WINDOW = 10;
/** Seconds in which a second redemption of a code counts as a parallel request (api.md, "Tokens"). */
const CODE_WINDOW = 2;

interface Dependencies {
  readonly grants: GrantModel;
  readonly revocations: Pick<RevocationService, 'transaction'>;
  readonly lost: LostRotations;
  readonly clock: Clock;
  readonly random: Random;
  /** Seconds: nothing that a grant gives outlives it. */
  readonly lifetime: number;
}

export function createGrantService({
  grants,
  revocations,
  lost,
  clock,
  random,
  lifetime,
}: Dependencies): GrantService {
  const now = (): Date => new Date(clock.now());

  /** An answer that is lost is a failed request: whatever PostgreSQL did is taken back. */
  const rotateOnce = async (grantId: string, from: number, salt: string) => {
    try {
      return await grants.rotate(grantId, from, salt, now());
    } catch (error) {
      if (error instanceof StoreUnavailable) lost.add({ grantId, from, salt });
      throw error;
    }
  };

  const endSome = async (
    filter: GrantFilter,
    { reason, limit }: { readonly reason: string; readonly limit: number },
    transaction: Transaction,
    deny: Deny,
  ) => {
    const ended = await grants.endAll(filter, { reason, now: now(), limit }, transaction);
    for (const gid of ended.withTokens) deny({ gid });
    return ended;
  };

  const endAll: GrantService['endAll'] = async (filter, reason, transaction, deny) => {
    const { owners, isMore } = await endSome(filter, { reason, limit: BATCH }, transaction, deny);
    if (isMore) throw new MoreThanABatch();
    return owners;
  };

  const endInBatches: GrantService['endInBatches'] = async (filter, reason) => {
    const all = new Map<string, GrantOwner>();
    await inBatches(async (limit) => {
      const { owners, isMore } = await revocations.transaction((transaction, deny) =>
        endSome(filter, { reason, limit }, transaction, deny),
      );
      for (const owner of owners) all.set(Object.values(owner).join(' '), owner);
      return isMore ? limit : 0;
    });
    return [...all.values()];
  };

  const end = (grantId: string, reason: string): Promise<void> =>
    revocations.transaction(async (transaction, deny) => {
      await endAll({ grantId }, reason, transaction, deny);
    });

  return {
    adapter: createGrantAdapter({ grants, end, now }),
    end,
    endAll,
    endInBatches,

    async create({ openidScope, resources, audiences, ...given }: NewGrant, transaction) {
      const id = given.id ?? random.token();
      const createdAt = now();
      const isLive = await grants.insert(
        {
          ...given,
          id,
          payload: { openid: { scope: openidScope }, resources, audiences },
          offline: openidScope.split(' ').includes('offline_access'),
          createdAt,
          expiresAt: new Date(createdAt.getTime() + lifetime * 1000),
        },
        transaction,
      );
      return isLive ? id : undefined;
    },

    async redeemCode(grantId, codeHash) {
      if (await grants.redeem(grantId, codeHash, now())) return;
      const row = await grants.find(grantId, now());
      if (row?.code_age && row.code_age > CODE_WINDOW) await end(grantId, 'code replayed');
      throw new CodeReplayed('the code was redeemed before or its grant is over');
    },

    async rotate(grantId, from, salt) {
      await lost.takeBack(grantId);
      const won = await rotateOnce(grantId, from, salt);
      if (won) return { ...rotationOf(won), outcome: 'rotated' };
      return late(await grants.find(grantId, now()), from);
    },

    async inspect(grantId, from) {
      await lost.takeBack(grantId);
      const row = await grants.find(grantId, now());
      if (row && !row.ended && row.rotation === from) {
        return { outcome: 'current', grant: toPayload(row) };
      }
      return late(row, from);
    },

    async ownerOf(grantId) {
      const row = await grants.find(grantId, now());
      return row && toOwner(row);
    },
  };
}

const rotationOf = (row: GrantRow) => ({
  salt: row.rotation_salt ?? '',
  rotatedAt: row.rotated_at ?? 0,
  expiresAt: row.expires_at,
});

/** The answer to a token whose rotation `from` is no longer the current one. */
function late(row: GrantRow | undefined, from: number): Rotation {
  // A rotation behind the token's: PostgreSQL was restored from a backup. Refuse, but blame nobody.
  if (!row || row.ended || row.rotation < from) return { outcome: 'ended' };
  const recent = row.rotation_age !== null && row.rotation_age <= SAME_ANSWER_WINDOW;
  if (row.rotation === from + 1 && recent) return { ...rotationOf(row), outcome: 'same' };
  return { outcome: 'replayed' };
}

/** As oidc-provider's `Grant` model has it. */
const toPayload = (row: GrantRow): AdapterPayload => ({
  ...row.payload,
  jti: row.id,
  kind: 'Grant',
  accountId: row.user_id,
  clientId: row.client_id,
  iat: row.created_at,
  exp: row.expires_at,
});

interface AdapterParts {
  readonly grants: GrantModel;
  readonly end: GrantService['end'];
  readonly now: () => Date;
}

/** oidc-provider's `Grant` model on PostgreSQL: read on every use, cached nowhere. */
function createGrantAdapter({ grants, end, now }: AdapterParts): Adapter {
  const unused = async (): Promise<undefined> => undefined;
  return {
    async find(id): Promise<AdapterPayload | undefined> {
      const row = await grants.find(id, now());
      return row && !row.ended ? toPayload(row) : undefined;
    },
    async destroy(id) {
      await end(id, 'revoked');
    },
    async upsert(id) {
      throw new Error(`grants are made by GrantService.create, not saved: ${id.slice(0, 6)}…`);
    },
    consume: unused,
    findByUid: unused,
    findByUserCode: unused,
    revokeByGrantId: unused,
  };
}
