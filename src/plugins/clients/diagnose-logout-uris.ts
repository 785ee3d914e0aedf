/** Whether the clients that are to be told of sign-outs can be: where they say may lead where this server sends nothing. */
import type { Outgoing } from '../../kernel/outgoing.ts';
import { broken, type Diagnosis, type Finding, NotExamined } from '../../kernel/plugin.ts';
import type { ClientModel, ClientRow } from './model.ts';

interface Dependencies {
  readonly clients: Pick<ClientModel, 'list'>;
  readonly outgoing: Pick<Outgoing, 'examine'>;
}

/** Milliseconds in which all names are resolved. */
const PATIENCE = 8_000;

const uriOf = ({ metadata }: ClientRow): URL | null =>
  URL.parse(metadata.backchannel_logout_uri ?? '');

/** `logout_uris`: every `backchannel_logout_uri` that is not called; those whose names cannot be resolved now are left out. */
export const diagnoseLogoutUris = ({ clients, outgoing }: Dependencies): Diagnosis => ({
  name: 'logout_uris',
  async check() {
    const all = await clients.list();
    const urls = all.map(uriOf).filter((url) => url !== null);
    const faults = new Map<string, string>();
    const examine = async (origin: string): Promise<void> => {
      const fault = await outgoing.examine(new URL(origin)).catch(() => undefined);
      if (fault !== undefined) faults.set(origin, fault);
    };
    const origins = [...new Set(urls.map(({ origin }) => origin))];
    const inTime = await within(PATIENCE, Promise.all(origins.map(examine)));
    const findings = all.flatMap((client) => judge(client, faults));
    if (!inTime && findings.length === 0) throw new NotExamined('their names take too long');
    return findings;
  },
});

function judge(client: ClientRow, faults: ReadonlyMap<string, string>): Finding[] {
  const { id, name } = client;
  const url = uriOf(client);
  const fault = url ? faults.get(url.origin) : undefined;
  if (!url || fault === undefined) return [];
  const problem = `Client ${id} (${name}) is not told of sign-outs: ${url.origin} ${fault}.`;
  const fix = fault.includes('OUTGOING_PRIVATE')
    ? `Add ${url.hostname.replace(/^\[(.*)\]$/, '$1')} to OUTGOING_PRIVATE if it is meant; else delete the client and create it anew.`
    : 'Delete the client and create it anew with another back-channel logout URI.';
  return [broken(problem, fix)];
}

/** Whether the work ended by then. */
async function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), milliseconds);
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
