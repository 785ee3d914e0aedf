import type { OidcEngine } from '../../../kernel/oidc.ts';
import type { RequestInfo } from '../../../kernel/route.ts';
import type { SessionService } from '../../sessions/contract.ts';
import type { User, UserService } from '../../users/contract.ts';
import type { Proof } from '../check-identity.ts';
import type { Providers } from '../providers.ts';
import type { LinkQuestion } from '../upstream.ts';
import type { Identities } from './identities.ts';

export interface QuestionDependencies {
  readonly users: UserService;
  readonly sessions: SessionService;
  readonly oidc: Pick<OidcEngine, 'currentSession'>;
  readonly providers: Providers;
  readonly identities: Pick<Identities, 'link'>;
}

/** Whether a user and an identity with the same verified address are one person: only who proves both is believed. */
export function createLinkQuestion(dependencies: QuestionDependencies) {
  const { users, sessions, oidc, providers, identities } = dependencies;

  const isRecent = async (userId: string, request: RequestInfo): Promise<boolean> => {
    const current = await oidc.currentSession(request.exchange);
    return current?.userId === userId && sessions.isRecent(current.uid);
  };

  const wantedProof = async (id: string, request: RequestInfo): Promise<LinkQuestion['proof']> => {
    if (await isRecent(id, request)) return 'session';
    return (await users.hasPassword(id)) ? 'password' : 'none';
  };

  return {
    async ask(user: User, { provider }: Proof, request: RequestInfo): Promise<LinkQuestion> {
      const { id, label } = providers.get(provider);
      const proof = await wantedProof(user.id, request);
      return { kind: 'link', provider: { id, label }, email: user.email, proof };
    },

    /** Links, to the user as read before. False for a wrong password, and without one when the session proves nothing. */
    async confirm(
      user: User,
      proof: Proof,
      { password, request }: { password: string | undefined; request: RequestInfo },
    ): Promise<boolean> {
      const proven =
        password === undefined
          ? await isRecent(user.id, request)
          : await users.verifyPassword(user.id, password, { request });
      if (proven) await identities.link(user, proof);
      return proven;
    },
  };
}
