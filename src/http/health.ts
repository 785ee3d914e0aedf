import type { Middleware } from 'koa';
import type { Clock } from '../kernel/clock.ts';
import type { Diagnosis } from '../kernel/plugin.ts';
import { UNLIMITED } from './rate-limit.ts';

/** Milliseconds that a dependency has to answer. */
const TIMEOUT = 1000;
/** Milliseconds for which what was found holds: the stores are asked ten times a second, however many want to know. */
const FRESH = 100;

export type Readiness = 'starting' | 'ready' | 'draining';

async function probe(diagnosis: Diagnosis): Promise<[string, 'ok' | 'failed']> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('timeout')), TIMEOUT);
  try {
    const findings = await Promise.race([diagnosis.check(), late.promise]);
    return [
      diagnosis.name,
      findings.some(({ severity }) => severity === 'broken') ? 'failed' : 'ok',
    ];
  } catch {
    return [diagnosis.name, 'failed'];
  } finally {
    clearTimeout(timer);
  }
}

type Dependencies = Readonly<Record<string, 'ok' | 'failed'>>;

/** Who comes while they are asked, or soon after, is told the same. */
function createExamination(
  checks: readonly Diagnosis[],
  clock: Clock,
): () => Promise<Dependencies> {
  let last: { readonly found: Promise<Dependencies>; readonly begun: number } | undefined;
  const examine = async (): Promise<Dependencies> =>
    Object.fromEntries(await Promise.all(checks.map(probe)));
  return () => {
    const now = clock.now();
    if (!last || Math.abs(now - last.begun) >= FRESH) last = { found: examine(), begun: now };
    return last.found;
  };
}

async function readinessReport(examine: () => Promise<Dependencies>, state: Readiness) {
  const dependencies = await examine();
  const works = Object.values(dependencies).every((one) => one === 'ok');
  const status = state === 'ready' && !works ? 'degraded' : state;
  return { status, dependencies };
}

/**
 * `GET /health/live`: the process answers. `GET /health/ready`: so does everything it needs. Nobody is refused: a flood
 * from the address of a balancer would take this node out of service.
 */
export function health(
  checks: readonly Diagnosis[],
  readiness: () => Readiness,
  clock: Clock,
): Middleware {
  const examine = createExamination(checks, clock);
  const reports: Readonly<Record<string, () => Promise<{ status: string }>>> = {
    '/health/live': async () => ({ status: 'ok' }),
    '/health/ready': () => readinessReport(examine, readiness()),
  };
  return async (ctx, next) => {
    const report = Object.hasOwn(reports, ctx.path) ? reports[ctx.path] : undefined;
    if (!report || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();
    ctx.state[UNLIMITED] = 'one answer for all';
    const answer = await report();
    const works = answer.status === 'ok' || answer.status === 'ready';
    ctx.set('Cache-Control', 'no-store');
    ctx.status = works ? 200 : 503;
    if (!works) ctx.set('Retry-After', '1');
    ctx.body = answer;
  };
}
