/** Users of tests and their sign-ins. */
import { randomUUID } from 'node:crypto';
import { Roles } from '../../src/plugins/roles/contract.ts';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import type { Answer, Browser } from './browser.ts';
import type { Node } from './nodes.ts';
import type { TestApp } from './test-app.ts';

export const PASSWORD = 'seven quiet herons fly';

/** A user nobody else has. */
export const createUser = (app: TestApp, roles: readonly string[] = []): Promise<User> =>
  createUserNamed(app, `person-${randomUUID()}@example.com`, roles);

export async function createUserNamed(
  app: TestApp,
  email: string,
  roles: readonly string[] = [],
): Promise<User> {
  const user = await app.app
    .use(Users)
    .register({ email, password: PASSWORD, name: 'Test Person' });
  const service = app.app.use(Roles);
  for (const name of roles) {
    if (!(await service.findByName(name))) await service.create({ name });
    await service.grant(user.id, name);
  }
  return user;
}

/** Signs in through the cookie REST API. */
export const login = (browser: Browser, user: User, password = PASSWORD): Promise<Answer> =>
  browser.request('/auth/login', { json: { email: user.email, password } });

/** Signs in on the hosted page that an authorization request led to. */
export const signIn = (
  browser: Browser,
  page: Answer,
  user: User,
  password = PASSWORD,
): Promise<Answer> => browser.submit(page, { email: user.email, password });

/** A new browser in which the user is signed in through the REST API. */
export async function signedInBrowser(
  app: Node,
  user: User,
  password = PASSWORD,
): Promise<Browser> {
  const browser = app.browser();
  const answer = await login(browser, user, password);
  if (answer.status !== 200) throw new Error(`login failed: ${answer.status} ${answer.text}`);
  return browser;
}
