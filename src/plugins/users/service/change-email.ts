import type { Clock } from '../../../kernel/clock.ts';
import type { Events } from '../../../kernel/events.ts';
import type { CredentialsChanged, Log } from '../../../kernel/plugin.ts';
import type { SessionService } from '../../sessions/contract.ts';
import { EmailChanged, type UserService } from '../contract.ts';
import { parseEmailAddress, storedKey } from '../email-address.ts';
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

/** Nothing that was signed in with the former address goes on (SEC-10). */
export function createChangeEmail(dependencies: Dependencies): UserService['changeEmail'] {
  const { users, sessions, credentialsChanged, events, clock, log } = dependencies;

  return async ({ id, ...known }, { email, verified }, alongside) => {
    const address = parseEmailAddress(email);
    if (!address) throw problems.invalidEmail();
    let credentialsVersion = 0;
    await sessions.endAll(id, 'e-mail changed', {
      alongside: async (transaction, deny) => {
        await alongside?.(transaction, deny);
        const to = {
          email: address.address,
          email_canonical: address.canonical,
          email_key: storedKey(address),
          email_verified: verified,
          updated_at: new Date(clock.now()),
        };
        const versions = await users.setEmail(id, known, to, transaction);
        if (versions === 'taken') throw problems.emailTaken();
        if (versions === undefined) throw problems.changedMeanwhile();
        deny({ sub: id, rolesVersion: versions.roles_ver });
        credentialsVersion = versions.credentials_ver;
      },
      afterwards: (transaction) =>
        credentialsChanged({ userId: id, by: 'email-change' }, transaction),
    });
    log.info({ event: 'email.changed', sub: id }, 'address changed');
    events.emit(EmailChanged, { userId: id, verified });
    return { credentialsVersion };
  };
}
