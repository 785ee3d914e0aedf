import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/plugin.ts';
import { wholeOrBatches } from '../../kernel/whole-or-batches.ts';
import type { GrantService } from '../grants/contract.ts';
import type { RevocationService } from '../revocations/contract.ts';
import type { ConsentService } from './contract.ts';
import type { ConsentModel } from './model.ts';
import { problems } from './problems.ts';

interface Dependencies {
  readonly consents: ConsentModel;
  readonly grants: Pick<GrantService, 'endAll' | 'endInBatches'>;
  readonly revocations: Pick<RevocationService, 'transaction'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** `allow` throws `consent:party-gone` when the user or the client was deleted, or the session ended meanwhile. */
export function createConsentService(dependencies: Dependencies): ConsentService {
  const { consents, grants, revocations, clock, log } = dependencies;
  return {
    async allowed(userId, clientId) {
      const { scopes, resources } = await consents.find(userId, clientId);
      return { scopes: new Set(scopes), resources: new Set(resources) };
    },

    async list(userId) {
      const rows = await consents.list(userId);
      return rows.map((row) => ({
        clientId: row.client_id,
        clientName: row.client_name,
        scopes: row.scopes,
        resources: row.resources,
        createdAt: row.created_at,
        updatedAt: row.updated_at,
      }));
    },

    async allow(userId, clientId, given, sessionId) {
      const now = new Date(clock.now());
      const written = await consents.allow(userId, clientId, given, { now, sessionId });
      if (!written) throw problems.partyGone();
      const fields = { event: 'consent.given', sub: userId, client_id: clientId };
      log.info(fields, 'consent given');
    },

    async withdraw(userId, clientId) {
      const [filter, reason] = [{ userId, clientId }, 'consent withdrawn'];
      const whole = (): Promise<void> =>
        revocations.transaction(async (transaction, deny) => {
          await consents.delete(userId, clientId, transaction);
          await grants.endAll(filter, reason, transaction, deny);
        });
      await wholeOrBatches(whole, () => grants.endInBatches(filter, reason));
      const fields = { event: 'consent.withdrawn', sub: userId, client_id: clientId };
      log.info(fields, 'consent withdrawn');
    },
  };
}
