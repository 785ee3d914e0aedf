import type { Clock, Random } from '../../kernel/clock.ts';
import type { Events } from '../../kernel/events.ts';
import { BATCH, inBatches } from '../../kernel/in-batches.ts';
import type { Log } from '../../kernel/plugin.ts';
import { MoreThanABatch, wholeOrBatches } from '../../kernel/whole-or-batches.ts';
import type { GrantService } from '../grants/contract.ts';
import type { RevocationService } from '../revocations/contract.ts';
import { generateClientSecret, hashClientSecret } from './client-secret.ts';
import { type Client, ClientDeleted, ClientRegistered, type ClientService } from './contract.ts';
import { hasSecret, type MetadataRules, parseMetadata } from './metadata.ts';
import type { ClientModel, ClientRow } from './model.ts';
import { problems } from './problems.ts';

interface Dependencies {
  readonly clients: ClientModel;
  readonly grants: Pick<GrantService, 'endAll' | 'endInBatches'>;
  readonly revocations: Pick<RevocationService, 'transaction'>;
  readonly rules: MetadataRules;
  readonly resources: ClientService['resources'];
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export function createClientService(dependencies: Dependencies): ClientService {
  const { clients, grants, revocations, rules, resources, events, clock, random, log } =
    dependencies;
  const now = (): Date => new Date(clock.now());

  /**
   * Once more, after a change of the client is committed: a request that read the client as it was may have made a grant, and
   * tokens, that the transaction of the change did not see. From here on every request reads the client as it is.
   */
  const endLateGrants = async (clientId: string, reason: string): Promise<void> => {
    try {
      await grants.endInBatches({ clientId }, reason);
    } catch (error) {
      const fields = { event: 'client.late_grants_not_ended', client_id: clientId, err: error };
      log.warn(fields, 'what was under way while the client changed lives on until it expires');
    }
  };

  return {
    resources,

    async create(client) {
      const { client_name, first_party, allowed_scopes, allowed_resources, ...metadata } =
        parseMetadata(client, rules);
      const secret = hasSecret(metadata) ? generateClientSecret(random) : undefined;
      const row: ClientRow = {
        id: random.uuid(),
        name: client_name,
        secret_hash: secret === undefined ? null : hashClientSecret(secret),
        metadata,
        first_party,
        allowed_scopes,
        allowed_resources,
        created_at: now(),
      };
      await clients.insert(row);
      log.info({ event: 'client.registered', client_id: row.id }, 'client registered');
      events.emit(ClientRegistered, { clientId: row.id });
      return { client: toClient(row), ...(secret === undefined ? {} : { client_secret: secret }) };
    },

    list: async () => (await clients.list()).map(toClient),

    async find(clientId) {
      const row = await clients.find(clientId);
      return row && toClient(row);
    },

    async rotateSecret(clientId) {
      const secret = generateClientSecret(random);
      if (!(await clients.setSecret(clientId, hashClientSecret(secret), now()))) {
        throw (await clients.find(clientId)) ? problems.hasNoSecret() : problems.notFound();
      }
      log.info({ event: 'client.secret_rotated', client_id: clientId }, 'client secret rotated');
      return secret;
    },

    async setResources(clientId, allowed) {
      const reason = 'resource taken away';
      const change = async () => {
        let before: readonly string[] | undefined;
        let isLess = false;
        await revocations.transaction(async (transaction, deny) => {
          const changed = await clients.setResources(clientId, allowed, now(), transaction);
          if (!changed) throw problems.notFound();
          before = changed.before ?? undefined;
          isLess = before?.some((resource) => !allowed.includes(resource)) ?? false;
          if (isLess) await grants.endAll({ clientId }, reason, transaction, deny);
        });
        return { before, isLess };
      };
      const { before, isLess } = await wholeOrBatches(change, () =>
        grants.endInBatches({ clientId }, reason),
      );
      if (isLess) await endLateGrants(clientId, reason);
      const row = await clients.find(clientId);
      if (!row) throw problems.notFound();
      return { client: toClient(row), before };
    },

    async delete(clientId) {
      const reason = 'client deleted';
      const whole = (): Promise<void> =>
        revocations.transaction(async (transaction, deny) => {
          if (!(await clients.lock(clientId, transaction))) throw problems.notFound();
          const forgotten = await clients.forgetConsents(clientId, BATCH, transaction);
          if (forgotten === BATCH) throw new MoreThanABatch();
          await clients.delete(clientId, transaction);
          await grants.endAll({ clientId }, reason, transaction, deny);
        });
      const batches = async (): Promise<void> => {
        // Without them, a client of somebody else gets no further grants.
        await inBatches((limit) => clients.forgetConsents(clientId, limit));
        await grants.endInBatches({ clientId }, reason);
      };
      await wholeOrBatches(whole, batches);
      await endLateGrants(clientId, reason);
      log.info({ event: 'client.deleted', client_id: clientId }, 'client deleted');
      events.emit(ClientDeleted, { clientId });
    },
  };
}

/** All but the secret's hash and the public keys. */
function toClient({
  id,
  name,
  metadata,
  first_party,
  allowed_scopes,
  allowed_resources,
  created_at,
}: ClientRow): Client {
  const { jwks: _jwks, ...shown } = metadata;
  return {
    client_id: id,
    client_name: name,
    ...shown,
    first_party,
    allowed_scopes,
    allowed_resources: allowed_resources ?? [],
    created_at,
  };
}
