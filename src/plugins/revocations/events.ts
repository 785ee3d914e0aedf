/** What one follower is sent: all that matters, then what happens. */
import { z } from 'zod';
import type { StreamEvent } from '../../kernel/route.ts';
import type { Batch, Follower, Journal } from './journal.ts';
import type { Change, PageOfChanges, RevocationModel } from './model.ts';
import { endOf, eventId, horizonOf, horizonOfEvent, isBeyond } from './position.ts';

export const revocationEvent = z.object({
  id: z.string().describe('To be sent as Last-Event-ID when the stream is opened again.'),
  sid: z.string().optional().describe('All tokens of this session have ended.'),
  gid: z.string().optional().describe('All tokens of this grant have ended.'),
  jti: z.string().optional().describe('This token has ended.'),
  sub: z.string().optional().describe('Tokens of this user with a smaller roles_ver are stale.'),
  roles_ver: z.number().int().optional(),
  exp: z
    .number()
    .int()
    .optional()
    .describe('Seconds since 1970: no token that this concerns is valid longer.'),
});

type RevocationEvent = StreamEvent<z.input<typeof revocationEvent>>;

interface Dependencies {
  readonly revocations: Pick<RevocationModel, 'page'>;
  readonly journal: Journal;
}

export interface Following {
  readonly lastEventId: string | undefined;
  readonly signal: AbortSignal;
}

export type Follow = (following: Following) => Promise<AsyncIterable<RevocationEvent>>;

/** Events for one follower until `signal` is aborted or it is too slow. Throws `StoreUnavailable` before the first. */
export function createFollow({ revocations, journal }: Dependencies): Follow {
  async function* remembered(first: PageOfChanges, from: bigint): AsyncGenerator<RevocationEvent> {
    for (let page = first; ; page = await revocations.page(from, page.next)) {
      for (const change of page.changes) yield toEvent(change, from);
      // What was written after the first read comes with the journal.
      if (page.next === undefined || isBeyond(page.next.xid, first.snapshot)) return;
    }
  }

  async function* events(
    first: PageOfChanges,
    start: bigint,
    follower: Follower,
  ): AsyncGenerator<RevocationEvent> {
    yield* remembered(first, start);
    // All below this has been sent. Rows of later pages come again with the journal: it was followed before.
    let horizon = maximum(start, horizonOf(first.snapshot));
    const id = eventId(horizon, '0');
    yield { id, event: 'ready', data: { id } };
    for (let news = await follower.next(); news; news = await follower.next()) {
      if (news === 'heartbeat') yield { comment: 'heartbeat' };
      else {
        yield* told(news, horizon);
        horizon = after(news, horizon);
      }
    }
  }

  return async ({ lastEventId, signal }) => {
    const follower = journal.follow(signal);
    const asked = horizonOfEvent(lastEventId);
    const first = await revocations.page(asked);
    // A position of the future is one of another database.
    if (asked <= endOf(first.snapshot)) return events(first, asked, follower);
    return events(await revocations.page(0n), 0n, follower);
  };
}

const maximum = (one: bigint, other: bigint): bigint => (one > other ? one : other);

const after = ({ horizon, isRestart }: Batch, before: bigint): bigint =>
  isRestart ? horizon : maximum(before, horizon);

/** Only the last event goes on from after the batch: whoever is cut off in its middle has to get all of it again. */
function* told(batch: Batch, before: bigint): Generator<RevocationEvent> {
  const last = batch.changes.length - 1;
  for (const [index, change] of batch.changes.entries()) {
    yield toEvent(change, index === last ? after(batch, before) : before);
  }
}

function toEvent({ row, revocation, until }: Change, horizon: bigint): RevocationEvent {
  const id = eventId(horizon, row);
  const exp = Math.ceil(until / 1000);
  if (!('sub' in revocation)) return { id, data: { id, ...revocation, exp } };
  const { sub, rolesVersion } = revocation;
  return { id, data: { id, sub, roles_ver: rolesVersion, exp } };
}
