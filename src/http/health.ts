import type { Middleware } from 'koa';
import type { Diagnosis } from '../kernel/plugin.ts';

/** Milliseconds that a dependency has to answer. */
const TIMEOUT = 1000;

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

async function readinessReport(checks: readonly Diagnosis[], state: Readiness) {
  const dependencies = Object.fromEntries(await Promise.all(checks.map(probe)));
  const works = Object.values(dependencies).every((one) => one === 'ok');
  const status = state === 'ready' && !works ? 'degraded' : state;
  return { status, dependencies };
}

/** `GET /health/live`: the process answers. `GET /health/ready`: so does everything it needs. */
export function health(checks: readonly Diagnosis[], readiness: () => Readiness): Middleware {
  const reports: Readonly<Record<string, () => Promise<{ status: string }>>> = {
    '/health/live': async () => ({ status: 'ok' }),
    '/health/ready': () => readinessReport(checks, readiness()),
  };
  return async (ctx, next) => {
    const report = Object.hasOwn(reports, ctx.path) ? reports[ctx.path] : undefined;
    if (!report || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();
    const answer = await report();
    const works = answer.status === 'ok' || answer.status === 'ready';
    ctx.set('Cache-Control', 'no-store');
    ctx.status = works ? 200 : 503;
    if (!works) ctx.set('Retry-After', '1');
    ctx.body = answer;
  };
}
