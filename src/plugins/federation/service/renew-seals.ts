import { inBatches } from '../../../kernel/in-batches.ts';
import type { Log } from '../../../kernel/plugin.ts';
import type { IdentityModel, SealedTokens } from '../model.ts';
import type { TokenCipher } from '../token-cipher.ts';

interface Dependencies {
  readonly identities: Pick<IdentityModel, 'sealedAfter' | 'replaceTokens'>;
  readonly cipher: Pick<TokenCipher, 'renew' | 'hasFormerKeys'>;
  readonly log: Log;
  /** Rows read at a time. */
  readonly batch?: number;
}

/**
 * Seals stored tokens with the first key of SECRET_KEY where a former one did, so that that one can be dropped.
 * Rows that no key opens stay, and are counted in the log.
 */
export function createRenewSeals({ identities, cipher, log, batch }: Dependencies) {
  /** False when no key opens it. */
  const renew = async (row: SealedTokens, counts: { renewed: number }): Promise<boolean> => {
    const renewed = await cipher.renew(row.tokens, row);
    if (renewed === undefined) return false;
    if (renewed !== row.tokens && (await identities.replaceTokens(row.id, row.tokens, renewed))) {
      counts.renewed += 1;
    }
    return true;
  };

  return async (): Promise<void> => {
    if (!cipher.hasFormerKeys) return;
    const counts = { renewed: 0, unreadable: 0 };
    let last: string | undefined;
    await inBatches(async (size) => {
      const rows = await identities.sealedAfter(last, size);
      for (const row of rows) if (!(await renew(row, counts))) counts.unreadable += 1;
      last = rows.at(-1)?.id;
      return rows.length;
    }, batch);
    if (counts.renewed > 0) {
      const fields = { event: 'federation.tokens_reencrypted', count: counts.renewed };
      log.info(fields, 'stored tokens encrypted anew');
    }
    if (counts.unreadable > 0) {
      const fields = { event: 'federation.tokens_unreadable', count: counts.unreadable };
      log.warn(fields, 'no key of SECRET_KEY opens some stored tokens');
    }
  };
}
