/** `/metrics` of a node, and something for it to count. */
import type { User } from '../../src/plugins/users/contract.ts';
import { createUser, login } from './people.ts';
import { createRelyingParty, type RelyingParty } from './relying-party.ts';
import type { TestApp } from './test-app.ts';

export const metricsUrl = ({ issuer }: TestApp): string => `${new URL(issuer).origin}/metrics`;

export const readMetrics = async (app: TestApp): Promise<string> =>
  (await app.browser().request(metricsUrl(app))).text;

/** Somebody signs in, somebody is refused, and a client gets a token of its own. */
export async function causeEvents(app: TestApp): Promise<{ user: User; machine: RelyingParty }> {
  const user = await createUser(app);
  await login(app.browser(), user);
  await login(app.browser(), user, 'not the password at all');
  const machine = await createRelyingParty(app, {
    grant_types: ['client_credentials'],
    redirect_uris: [],
  });
  await machine.token({ grant_type: 'client_credentials' });
  return { user, machine };
}
