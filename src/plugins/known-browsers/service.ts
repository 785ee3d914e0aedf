import { hash } from 'node:crypto';
import type { Clock, Random } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/plugin.ts';
import type { CookieChange } from '../../kernel/route.ts';
import type { KnownBrowserService } from './contract.ts';
import type { KnownBrowserModel } from './model.ts';

/** Seconds: browsers keep no cookie for longer (RFC 6265bis §5.6.2), counted from the last sign-in. */
export const LIFETIME = 400 * 86_400;

interface Dependencies {
  readonly browsers: Pick<KnownBrowserModel, 'accounts' | 'use' | 'add'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Log, 'warn'>;
}

const hashOf = (value: string): Buffer => hash('sha256', value, 'buffer');

const cookieOf = (value: string): readonly CookieChange[] => [
  { name: 'known', value, maxAge: LIFETIME },
];

export function createKnownBrowsers(dependencies: Dependencies): KnownBrowserService {
  const { browsers, clock, random, log } = dependencies;
  const oldest = (): Date => new Date(clock.now() - LIFETIME * 1000);

  const remember: KnownBrowserService['remember'] = async ({ id: userId, ...user }, request) => {
    const former = request.cookie('known');
    const at = new Date(clock.now());
    const isKnown =
      former !== undefined && (await browsers.use(hashOf(former), userId, { at, since: oldest() }));
    if (isKnown) return cookieOf(former);
    const value = random.token();
    const isAdded = await browsers.add({
      ...{ id: random.uuid(), userId, at, hash: hashOf(value) },
      credentialsVersion: user.credentialsVersion,
      former: former === undefined ? undefined : hashOf(former),
    });
    return isAdded ? cookieOf(value) : [];
  };

  return {
    accounts: (request) => browsers.accounts(hashOf(request.cookie('known') ?? ''), oldest()),

    async remember(user, request) {
      try {
        return await remember(user, request);
      } catch (error) {
        const fields = { event: 'known_browser.not_remembered', sub: user.id, err: error };
        log.warn(fields, 'a browser that signed in is not known');
        return [];
      }
    },
  };
}
