/** Runs the checks of `authsrv doctor`, whatever is broken. This folder owns those that belong to no plugin and to no store. */
import { broken, type Diagnosis, type Finding, NotExamined } from '../kernel/plugin.ts';
import { StoreUnavailable } from '../kernel/store.ts';

export type Status = 'ok' | 'warning' | 'broken' | 'skipped';

export interface Examined {
  readonly name: string;
  /** The plugin, or `core`. */
  readonly owner: string;
  readonly status: Status;
  readonly findings: readonly Finding[];
  /** Why it could not be looked at, when skipped. */
  readonly reason?: string;
}

export interface Owned {
  readonly owner: string;
  readonly diagnosis: Diagnosis;
}

/** Milliseconds. A check bounds its own calls; this is for one that hangs all the same. */
const LONGEST = 20_000;

const ORDER: readonly Status[] = ['ok', 'skipped', 'warning', 'broken'];

/** The worst of them. */
export const worst = (all: readonly { readonly status: Status }[]): Status =>
  ORDER[Math.max(0, ...all.map(({ status }) => ORDER.indexOf(status)))] ?? 'ok';

const statusOf = (findings: readonly Finding[]): Status =>
  findings.reduce<Status>(
    (status, { severity }) => (status === 'broken' ? status : severity),
    'ok',
  );

/** All at once. What fails because migrations are pending, which `migrations` tells, is skipped. */
export async function examine(
  all: readonly Owned[],
  longest = LONGEST,
): Promise<readonly Examined[]> {
  const ends = await Promise.allSettled(all.map(({ diagnosis }) => inTime(diagnosis, longest)));
  const isMigrated = ends.every(
    (end, i) =>
      all[i]?.diagnosis.name !== 'migrations' ||
      (end.status === 'fulfilled' && end.value.length === 0),
  );
  return all.map(({ owner, diagnosis: { name } }, i): Examined => {
    const end = ends[i] as PromiseSettledResult<readonly Finding[]>;
    if (end.status === 'fulfilled') {
      return { name, owner, status: statusOf(end.value), findings: end.value };
    }
    const reason = whySkipped(end.reason, isMigrated);
    if (reason !== undefined) return { name, owner, status: 'skipped', findings: [], reason };
    const finding = broken(
      `The check failed: ${end.reason instanceof Error ? end.reason.message : end.reason}.`,
      'See what the other checks say; if nothing, report it.',
    );
    return { name, owner, status: 'broken', findings: [finding] };
  });
}

function whySkipped(error: unknown, isMigrated: boolean): string | undefined {
  if (error instanceof NotExamined || error instanceof StoreUnavailable) return error.message;
  return isMigrated ? undefined : 'migrations are pending';
}

async function inTime(diagnosis: Diagnosis, longest: number): Promise<readonly Finding[]> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`no answer within ${longest / 1000} s`)),
    longest,
  );
  try {
    const findings: unknown = await Promise.race([diagnosis.check(), late.promise]);
    if (!Array.isArray(findings)) throw new Error('it answered no list of findings');
    return findings as readonly Finding[];
  } finally {
    clearTimeout(timer);
  }
}
