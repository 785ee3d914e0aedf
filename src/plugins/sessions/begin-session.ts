import { type Clock, epochSeconds, type Random } from '../../kernel/clock.ts';
import type { LiveSession, OidcEngine } from '../../kernel/oidc.ts';
import type { Log } from '../../kernel/plugin.ts';
import { StoreUnavailable, type Transaction } from '../../kernel/store.ts';
import type { GrantService } from '../grants/contract.ts';
import type { RevocationService } from '../revocations/contract.ts';
import type { Alongside, SignIn } from './contract.ts';
import { describeDevice } from './describe-device.ts';
import type { SessionEnds } from './end-sessions.ts';
import type { SessionModel } from './model.ts';

interface Dependencies {
  readonly sessions: Pick<SessionModel, 'insert' | 'forget'>;
  readonly grants: Pick<GrantService, 'endAll'>;
  readonly revocations: Pick<RevocationService, 'transaction'>;
  readonly oidc: Pick<OidcEngine, 'openSession' | 'closeSession'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly endThese: SessionEnds['endThese'];
}

/** The user may not sign in, or has other credentials by now. */
class NotBegun extends Error {
  override readonly name = 'NotBegun';
}

/**
 * Begins a session: the live record first, which counts for nothing without the row, then row, history and whatever else
 * belongs to it in one transaction. So whoever is not told of a session has none.
 */
export function createBeginSession(dependencies: Dependencies) {
  const { sessions, grants, revocations, oidc, clock, random, log } = dependencies;

  /** Nobody learns its id: it is litter, and goes by itself in time. */
  const dropRecord = async ({ uid, userId }: LiveSession): Promise<void> => {
    await oidc.closeSession({ uid, userId, clients: [] }).catch((error: unknown) => {
      const fields = { event: 'session.close_failed', sid: uid, err: error };
      log.warn(fields, 'live record not deleted');
    });
  };

  /** An answer that is lost says nothing of the COMMIT: whatever it did is undone. */
  const undo = async (row: { readonly id: string; readonly at: Date }): Promise<void> => {
    const { id: sid } = row;
    try {
      await revocations.transaction(async (transaction, deny) => {
        await grants.endAll({ sessionId: sid }, 'sign-in failed', transaction, deny);
        await sessions.forget(row, transaction);
      });
    } catch (error) {
      const fields = { event: 'session.not_undone', sid, err: error };
      log.warn(fields, 'a sign-in that failed may have left a session that nobody has');
    }
  };

  const commit = (begin: Alongside, { replaces }: SignIn): Promise<void> =>
    replaces
      ? dependencies.endThese([replaces.uid], replaces.reason, { first: begin })
      : revocations.transaction(begin);

  /** Undefined when the user has been disabled or deleted meanwhile, or has other credentials now. */
  return async (signIn: SignIn) => {
    const { userId, credentialsVersion, amr, authTime = epochSeconds(clock), ip } = signIn;
    const at = new Date(clock.now());
    const row = {
      ...{ id: random.token(), historyId: random.uuid(), userId, credentialsVersion, amr, ip, at },
      device: describeDevice(signIn.userAgent),
      authenticatedAt: new Date(authTime * 1000),
    };
    const session: LiveSession = { uid: row.id, userId, amr, authTime };
    const cookie = await oidc.openSession(session);
    let isBeginning = false;
    try {
      const write = await signIn.prepare?.(session);
      isBeginning = true;
      await commit(async (transaction: Transaction) => {
        if (!(await sessions.insert(row, transaction))) throw new NotBegun();
        await write?.(transaction);
      }, signIn);
      return { session, cookie };
    } catch (error) {
      await dropRecord(session);
      if (error instanceof NotBegun) return undefined;
      if (isBeginning && error instanceof StoreUnavailable) await undo(row);
      throw error;
    }
  };
}
