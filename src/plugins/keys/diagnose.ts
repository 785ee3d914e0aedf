/** What can be wrong with the signing keys; reads only. */
import type { Clock } from '../../kernel/clock.ts';
import { broken, type Diagnosis, type Finding, warning } from '../../kernel/plugin.ts';
import { SIGNING_ALGS } from './generate-signing-key.ts';
import type { KeyCipher } from './key-cipher.ts';
import type { KeyModel, KeyRow } from './model.ts';
import type { RotationTimes } from './service.ts';

interface Dependencies {
  readonly keys: Pick<KeyModel, 'list'>;
  readonly cipher: KeyCipher;
  /** Algorithms of the keys that this node holds; undefined before its start. */
  readonly held: () => readonly string[] | undefined;
  readonly times: RotationTimes;
  readonly clock: Clock;
}

/** Milliseconds: nodes take turns, and a fleet may be stopped for a while. */
const GRACE = 86_400_000;
const DAY = 86_400_000;
const YEAR = 365 * DAY;

export const diagnoseKeys = (dependencies: Dependencies): readonly Diagnosis[] => [
  { name: 'signing_keys', readiness: true, check: () => judgePresence(dependencies) },
  { name: 'key_rotation', check: () => judgeAges(dependencies) },
];

/** A node that has its keys goes on with them, whatever becomes of the table. */
async function judgePresence({ keys, cipher, held }: Dependencies): Promise<Finding[]> {
  const own = held();
  if (own) return judgeAlgorithms(own);
  const rows = await keys.list();
  if (rows.length === 0) {
    const problem = 'No signing key is stored.';
    const fix =
      'The first start makes them. If there has been one, restore the table signing_keys before any node restarts: new keys refuse every token so far.';
    return [warning(problem, fix)];
  }
  const closed = rows.filter((row) => !opens(cipher, row));
  if (closed.length === 0) return judgeAlgorithms(rows.filter(isCurrent).map(({ alg }) => alg));
  const problem = `SECRET_KEY does not decrypt ${closed.length} of ${rows.length} signing keys: no node can start with it.`;
  const fix = 'Start with the former SECRET_KEY, or list both: SECRET_KEY=new,former.';
  return [broken(problem, fix)];
}

const isCurrent = ({ status }: KeyRow): boolean => status === 'current';

function judgeAlgorithms(present: readonly string[]): Finding[] {
  const missing = SIGNING_ALGS.filter((alg) => !present.includes(alg));
  if (missing.length === 0) return [];
  const problem = `There is no signing key for ${missing.join(' and ')}.`;
  return [broken(problem, 'Restart a node: it makes the missing ones.')];
}

function opens(cipher: KeyCipher, { kid, private_jwk }: KeyRow): boolean {
  try {
    cipher.decrypt(private_jwk, kid);
    return true;
  } catch {
    return false;
  }
}

async function judgeAges({ keys, cipher, times, clock }: Dependencies): Promise<Finding[]> {
  const rows = await keys.list();
  const age = ({ created_at }: KeyRow): number => clock.now() - created_at.getTime();
  const oldest = Math.max(0, ...rows.filter(isCurrent).map(age));
  const sealed = rows.filter((row) => opens(cipher, row) && isOutdated(cipher, row));
  return [...judgeAge(oldest, times), ...judgeSeal(sealed.length)];
}

const isOutdated = (cipher: KeyCipher, { kid, private_jwk }: KeyRow): boolean =>
  cipher.decrypt(private_jwk, kid).outdated;

function judgeAge(oldest: number, { period, publishAhead }: RotationTimes): Finding[] {
  const days = Math.floor(oldest / DAY);
  if (period === 0 && oldest > YEAR) {
    const problem = `A signing key is ${days} days old, and KEY_ROTATION=0 replaces none.`;
    return [warning(problem, 'Run "authsrv keys rotate", or set KEY_ROTATION.')];
  }
  if (period === 0 || oldest <= (period + publishAhead) * 1000 + GRACE) return [];
  const problem = `A signing key is ${days} days old; it should have been replaced after ${Math.floor((period * 1000) / DAY)}.`;
  const fix =
    'Nodes rotate while they run: see in their logs why "signing keys" fails ("task.failed").';
  return [warning(problem, fix)];
}

function judgeSeal(count: number): Finding[] {
  if (count === 0) return [];
  const problem = `${count} signing keys are still encrypted with a former key of SECRET_KEY.`;
  const fix = 'Restart the nodes with this SECRET_KEY before you drop the former key.';
  return [warning(problem, fix)];
}
