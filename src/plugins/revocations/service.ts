import type { Revocation, RevocationService } from './contract.ts';
import type { Entry, LocalDenylist } from './denylist.ts';
import type { Feed } from './feed.ts';
import type { RevocationModel } from './model.ts';

interface Dependencies {
  readonly revocations: RevocationModel;
  readonly denylist: LocalDenylist;
  readonly feed: Pick<Feed, 'publish'>;
}

export function createRevocationService(dependencies: Dependencies): RevocationService {
  const { revocations, denylist, feed } = dependencies;
  return {
    denies: (token) => denylist.denies(token),

    async transaction(work) {
      let entries: readonly Entry[] = [];
      const result = await revocations.transaction(async (transaction) => {
        // Made anew each time: a transaction that lost a conflict is run again as a whole.
        const denied: Revocation[] = [];
        const value = await work(transaction, (revocation) => void denied.push(revocation));
        entries = denied.length > 0 ? await revocations.insert(denied, transaction) : [];
        return value;
      });
      denylist.add(entries);
      await feed.publish(entries);
      return result;
    },
  };
}
