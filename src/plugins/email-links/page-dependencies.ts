import type { OidcEngine } from '../../kernel/oidc.ts';
import type { Admit } from '../../kernel/route.ts';
import type { FollowingService } from './service.ts';

export interface PageDependencies {
  readonly service: FollowingService;
  readonly oidc: Pick<OidcEngine, 'currentSession'>;
  /** Path of PUBLIC_URL: '' or `/sub`. */
  readonly base: string;
  readonly passwordMinLength: number;
  readonly admit: Admit;
}
