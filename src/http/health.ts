import type { Middleware } from 'koa';
import type { HealthCheck } from '../kernel/plugin.ts';

/** Milliseconds that a dependency has to answer. */
const TIMEOUT = 1000;

export type Readiness = 'starting' | 'ready' | 'draining';

async function probe(check: HealthCheck): Promise<[string, 'ok' | 'failed']> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('timeout')), TIMEOUT);
  try {
    await Promise.race([check.check(), late.promise]);
    return [check.name, 'ok'];
  } catch {
    return [check.name, 'failed'];
  } finally {
    clearTimeout(timer);
  }
}

/** `GET /health/live`: the process answers. `GET /health/ready`: so does everything it needs. */
export function health(checks: readonly HealthCheck[], readiness: () => Readiness): Middleware {
  return async (ctx, next) => {
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return next();
    if (ctx.path === '/health/live') {
      ctx.set('Cache-Control', 'no-store');
      ctx.body = { status: 'ok' };
    } else if (ctx.path === '/health/ready') {
      const dependencies = Object.fromEntries(await Promise.all(checks.map(probe)));
      const state = readiness();
      const ready = state === 'ready' && Object.values(dependencies).every((one) => one === 'ok');
      ctx.set('Cache-Control', 'no-store');
      ctx.status = ready ? 200 : 503;
      if (!ready) ctx.set('Retry-After', '1');
      ctx.body = { status: ready ? 'ready' : state === 'ready' ? 'degraded' : state, dependencies };
    } else {
      await next();
    }
  };
}
