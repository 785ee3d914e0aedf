/** The service `revocations` for plugins that only need its transaction: what is denied goes nowhere. */
import { type Provided, provide } from '../../src/kernel/service.ts';
import type { Database } from '../../src/kernel/store.ts';
import { type RevocationService, Revocations } from '../../src/plugins/revocations/contract.ts';
import { untouched } from './plugin-context.ts';

export const unheardRevocations = (db: Pick<Database, 'transaction'>): Provided =>
  provide(
    Revocations,
    untouched<RevocationService>('revocations', {
      transaction: (work) => db.transaction((transaction) => work(transaction, () => undefined)),
    }),
  );
