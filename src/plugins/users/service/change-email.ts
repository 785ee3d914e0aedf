import type { Clock } from '../../../kernel/clock.ts';
import type { Events } from '../../../kernel/events.ts';
import type { CredentialsChanged, Log } from '../../../kernel/plugin.ts';
import type { SessionService } from '../../sessions/contract.ts';
import { EmailChanged, type UserService } from '../contract.ts';
import { parseEmailAddress } from '../email-address.ts';
import type { UserModel } from '../model.ts';
import { problems } from '../problems.ts';

interface Dependencies {
  readonly users: UserModel;
  readonly sessions: Pick<SessionService, 'endAll'>;
  readonly credentialsChanged: CredentialsChanged;
  readonly events: Events;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info'>;
}

/** Whoever signed in with the former address has to do so again with the new one (SEC-10). */
export function createChangeEmail(dependencies: Dependencies): UserService['changeEmail'] {
  const { users, sessions, credentialsChanged, events, clock, log } = dependencies;

  return async ({ id, ...known }, { email, verified }, { keepSession, alongside }) => {
    const address = parseEmailAddress(email);
    if (!address) throw problems.invalidEmail();
    await sessions.endAll(id, 'e-mail changed', {
      ...(keepSession === undefined ? {} : { except: keepSession }),
      alongside: async (transaction, deny) => {
        await alongside?.(transaction, deny);
        const to = {
          email: address.address,
          email_canonical: address.canonical,
          email_verified: verified,
          updated_at: new Date(clock.now()),
        };
        const rolesVersion = await users.setEmail(id, known, to, transaction);
        if (rolesVersion === 'taken') throw problems.emailTaken();
        if (rolesVersion === undefined) throw problems.changedMeanwhile();
        // Access tokens of the kept session were made before as well.
        deny({ sub: id, rolesVersion });
        await credentialsChanged({ userId: id, by: 'email-change' }, transaction);
      },
    });
    log.info({ event: 'email.changed', sub: id }, 'address changed');
    events.emit(EmailChanged, { userId: id, verified });
  };
}
