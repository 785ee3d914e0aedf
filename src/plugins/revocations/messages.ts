/** How entries travel on the channel: JSON arrays that fit into one message of the state store. */
import { z } from 'zod';
import type { Entry } from './denylist.ts';

export const CHANNEL = 'revocations';

/** Bytes: the state store's limit for one message. */
const MESSAGE_LIMIT = 4_000;

const entrySchema = z.object({
  revocation: z.union([
    z.object({ sid: z.string() }),
    z.object({ gid: z.string() }),
    z.object({ jti: z.string() }),
    z.object({ sub: z.string(), rolesVersion: z.number() }),
  ]),
  at: z.number(),
  /** Left out by a version before. */
  until: z.number().optional(),
});
const messageSchema = z.array(entrySchema);

/** As few messages as possible, each ≤ 4,000 bytes. */
export function encodeEntries(entries: readonly Entry[]): string[] {
  const messages: string[][] = [];
  let room = 0;
  for (const entry of entries) {
    const text = JSON.stringify(entry);
    const bytes = Buffer.byteLength(text) + 1;
    if (bytes > room) {
      messages.push([]);
      room = MESSAGE_LIMIT - 1;
    }
    messages.at(-1)?.push(text);
    room -= bytes;
  }
  return messages.map((texts) => `[${texts.join(',')}]`);
}

/**
 * Throws on anything that `encodeEntries` would not make. An entry that says no end is kept for `keep` milliseconds, which
 * lasts until PostgreSQL has been read.
 */
export const decodeEntries = (message: string, keep: number): readonly Entry[] =>
  messageSchema
    .parse(JSON.parse(message))
    .map(({ until, ...entry }) => ({ ...entry, until: until ?? entry.at + keep }));
