import type { Log } from '../../kernel/plugin.ts';
import { access, defineStream, type Route } from '../../kernel/route.ts';
import { type Follow, revocationEvent } from './events.ts';
import { problems } from './problems.ts';

/** Streams that one client may have open at one node. */
const LIMIT = 100;

interface Dependencies {
  readonly follow: Follow;
  readonly log: Log;
  readonly limit?: number;
}

export function createRoutes({ follow, log, limit = LIMIT }: Dependencies): readonly Route[] {
  const open = new Map<string, number>();

  /** Takes a place until `signal` is aborted. Throws `revocations:too-many-streams`. */
  const takePlace = (clientId: string, signal: AbortSignal): void => {
    const taken = open.get(clientId) ?? 0;
    if (taken >= limit) throw problems.tooManyStreams();
    open.set(clientId, taken + 1);
    signal.addEventListener('abort', () => {
      const left = (open.get(clientId) ?? 1) - 1;
      if (left > 0) open.set(clientId, left);
      else open.delete(clientId);
    });
  };

  return [
    defineStream({
      path: '/auth/revocations',
      access: access.client('revocations'),
      summary: 'Follow what ends before it expires: sessions, grants, tokens and roles',
      event: revocationEvent,
      problems: [problems.tooManyStreams],
      async open({ principal, signal, lastEventId }) {
        takePlace(principal.clientId, signal);
        const events = await follow({ signal, lastEventId });
        const fields = { event: 'revocations.followed', client_id: principal.clientId };
        log.info({ ...fields, resumed: lastEventId !== undefined }, 'an API follows revocations');
        return events;
      },
    }),
  ];
}
