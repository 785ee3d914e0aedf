/**
 * How far a reader of the table has come. Row numbers cannot tell: they are given before the commit, so a smaller one
 * may become visible after a larger one, however long its transaction was held open. PostgreSQL's snapshots can: the
 * oldest transaction still running when a read began (its `xmin`) is a horizon, and all rows of transactions below it
 * were visible to that read, or never will be. Whoever resumes from a horizon misses nothing; what was committed above it
 * already comes again, and denying twice is denying.
 */

/** A snapshot that can see nothing. */
export const START = '1:1:';

/** `xmin:xmax:running` */
const boundOf = (snapshot: string, index: 0 | 1): bigint => BigInt(snapshot.split(':')[index] ?? 0);

/** All transactions below it are over, and their rows are in this snapshot. */
export const horizonOf = (snapshot: string): bigint => boundOf(snapshot, 0);

/** Transactions from it on had not begun. */
export const endOf = (snapshot: string): bigint => boundOf(snapshot, 1);

/** Whether a transaction began after the snapshot was taken: neither it nor any later one is in it. */
export const isBeyond = (xid: string, snapshot: string): boolean => BigInt(xid) >= endOf(snapshot);

/** Names an event, and the horizon from which its reader must go on. */
export const eventId = (horizon: bigint, row: string): string => `${horizon}-${row}`;

const EVENT_ID = /^(\d{1,19})-\d{1,19}$/;

/** The horizon in the id of an event; 0, that is everything, for anything else. */
export function horizonOfEvent(id: string | undefined): bigint {
  return BigInt(EVENT_ID.exec(id ?? '')?.[1] ?? 0);
}
