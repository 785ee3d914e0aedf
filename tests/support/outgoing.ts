/** The way out as a server has it, for tests that have no server. */
import type { Outgoing } from '../../src/kernel/outgoing.ts';
import { createOutgoing, type OutgoingOptions } from '../../src/outgoing/create-outgoing.ts';
import { silentLog } from './log.ts';

export const outgoingOf = (publicUrl: string, options: Partial<OutgoingOptions> = {}): Outgoing =>
  createOutgoing({
    publicUrl: new URL(publicUrl),
    named: [],
    log: silentLog,
    count: () => undefined,
    ...options,
  });
