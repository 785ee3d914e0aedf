/** Calls of one person to the cookie API, each with the facts it depends on. */
import { meAt, refreshAt, type Tokens } from '../../support/cookie-api.ts';
import type { Recorded } from './history.ts';
import { cookiesOf, labelOf, readCookies, replyOf } from './replies.ts';
import type { Member } from './stage.ts';
import { at, insist, type World } from './world.ts';

export interface Account {
  readonly email: string;
  readonly password: string;
}

/** Tokens, and the facts that they hang on. */
export interface SignedIn {
  readonly facts: readonly string[];
  readonly tokens: Tokens;
}

export const passwordFact = ({ email, password }: Account): string =>
  `password of ${email}: ${password}`;

const bearer = (access: string) => ({
  anonymous: true,
  headers: { authorization: `Bearer ${access}` },
});

/** Undefined when nobody knows whether the account exists. */
export async function register(world: World, name: string): Promise<Account | undefined> {
  const account = { email: `${name}@example.com`, password: world.name('seven quiet herons') };
  const { outcome } = await insist(world, () =>
    at(
      world,
      world.random.pick(world.members),
      { kind: 'register', registers: account.email },
      (member) => member.browser().request('/auth/register', { json: account }),
      replyOf,
    ),
  );
  // Refused: an earlier call of ours did it, and its answer was lost.
  return outcome === 'unknown' ? undefined : account;
}

/** One try. The password was acknowledged, so a refusal is a loss; `isOver` says that it must be one. */
export async function login(
  world: World,
  account: Account,
  { isOver = false, member = world.random.pick(world.members) } = {},
): Promise<SignedIn | undefined> {
  const plan = { kind: 'login', uses: [passwordFact(account)], owed: !isOver };
  const { email, password } = account;
  const { value } = await at(
    world,
    member,
    plan,
    (to) => to.browser().request('/auth/login', { json: { email, password } }),
    readCookies,
  );
  const tokens = cookiesOf(value);
  return tokens && { tokens, facts: [world.name('session'), world.name('family')] };
}

/** Sends the refresh cookie to these nodes at once. Answers the successor, or undefined when nobody gave one. */
export async function refresh(
  world: World,
  { facts, tokens }: SignedIn,
  members: readonly Member[] = [world.random.pick(world.members)],
): Promise<Tokens | undefined> {
  const plan = { kind: 'refresh cookie', uses: facts, spends: labelOf(tokens.refresh) };
  const answers = await Promise.all(
    members.map((member) =>
      at(world, member, plan, (to) => refreshAt(to, tokens.refresh), readCookies),
    ),
  );
  return answers.map(({ value }) => cookiesOf(value)).find((found) => found !== undefined);
}

export async function me(world: World, { facts, tokens }: SignedIn, member: Member): Promise<void> {
  const plan = { kind: 'me', uses: facts };
  await at(world, member, plan, (to) => meAt(to, tokens.access), replyOf);
}

/** Resolves with whether it was acknowledged. */
export async function logout(world: World, { facts, tokens }: SignedIn): Promise<boolean> {
  const { outcome } = await insist(world, () =>
    at(
      world,
      world.random.pick(world.members),
      { kind: 'logout', ends: facts },
      (to) => to.browser().request('/auth/logout', { method: 'POST', ...bearer(tokens.access) }),
      replyOf,
    ),
  );
  return outcome === 'ok';
}

/** One try: whoever does not know what came of it, does not know the password. */
export async function changePassword(
  world: World,
  account: Account,
  by: SignedIn,
  others: readonly SignedIn[],
): Promise<{ readonly outcome: Recorded<unknown>['outcome']; readonly account: Account }> {
  const next = { ...account, password: world.name('nine loud otters') };
  const ends = [passwordFact(account), ...[by, ...others].flatMap(({ facts }) => facts)];
  const json = { current_password: account.password, new_password: next.password };
  const { outcome } = await at(
    world,
    world.random.pick(world.members),
    { kind: 'change password', ends },
    (to) =>
      to.browser().request('/auth/password', { method: 'PUT', json, ...bearer(by.tokens.access) }),
    replyOf,
  );
  return { outcome, account: outcome === 'ok' ? next : account };
}
