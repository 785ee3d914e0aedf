import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { HistoryPosition } from '../sessions/contract.ts';
import { problems } from './problems.ts';

const Position = z.strictObject({ at: z.number().int(), id: z.uuid(), user: z.uuid() });
const MAC_BYTES = 16;

export type Cursors = ReturnType<typeof createCursors>;

/** Opaque positions in a list: sealed with a MAC and bound to the user, so that nobody can make one up (SEC-81). */
export function createCursors(key: Buffer) {
  const macOf = (text: string): Buffer =>
    createHmac('sha256', key).update(text).digest().subarray(0, MAC_BYTES);

  return {
    encode(user: string, { authDate, id }: HistoryPosition): string {
      const text = JSON.stringify({ at: authDate.getTime(), id, user });
      return Buffer.concat([macOf(text), Buffer.from(text)]).toString('base64url');
    },

    /** Throws `account:invalid-cursor`. */
    decode(user: string, cursor: string): HistoryPosition {
      const bytes = Buffer.from(cursor, 'base64url');
      const text = bytes.subarray(MAC_BYTES).toString('utf8');
      const mac = bytes.subarray(0, MAC_BYTES);
      const isOurs = mac.length === MAC_BYTES && timingSafeEqual(mac, macOf(text));
      const position = isOurs ? Position.parse(JSON.parse(text)) : undefined;
      if (position?.user !== user) throw problems.invalidCursor();
      return { authDate: new Date(position.at), id: position.id };
    },
  };
}
