/** People with the cookie API: register, sign in, refresh, change the password, sign out. */
import {
  type Account,
  changePassword,
  login,
  logout,
  me,
  refresh,
  register,
  type SignedIn,
} from './account.ts';
import { think, type World } from './world.ts';

/** One new person after the other until the load ends. */
export async function bePeople(world: World): Promise<void> {
  while (!world.stop.aborted) {
    const account = await register(world, world.name('person'));
    if (account) await live(world, account);
    await think(world);
  }
}

/** A sign-in or two, some use of them, and their end. */
async function live(world: World, account: Account): Promise<void> {
  const signedIn = await login(world, account);
  if (!signedIn) return;
  const used = await use(world, signedIn);
  if (!used) return;
  const isOut = world.random.oneIn(3)
    ? await moveOn(world, account, used)
    : await leave(world, used);
  if (isOut) await tryAgain(world, used);
}

/** Undefined once the session is lost: that may happen, and only means another sign-in. */
async function use(world: World, first: SignedIn): Promise<SignedIn | undefined> {
  let current = first;
  for (let turn = 2 + world.random.below(4); turn > 0; turn -= 1) {
    await think(world);
    await me(world, current, world.random.pick(world.members));
    const both = world.random.oneIn(3);
    const tokens = await refresh(world, current, both ? world.members : undefined);
    // Once more, as a tab does whose answer was lost: the same answer, or a refusal.
    const again = tokens ?? (await refresh(world, current));
    if (!again) return undefined;
    current = { ...current, tokens: again };
  }
  return current;
}

/** Signs out; resolves with whether it was acknowledged. */
const leave = (world: World, signedIn: SignedIn): Promise<boolean> => logout(world, signedIn);

/** Changes the password, which ends a second sign-in; then the old password lets nobody in and the new one does. */
async function moveOn(world: World, account: Account, signedIn: SignedIn): Promise<boolean> {
  const other = await login(world, account);
  const others = other ? [other] : [];
  const { outcome, account: next } = await changePassword(world, account, signedIn, others);
  if (outcome !== 'ok') return false;
  await login(world, account, { isOver: true });
  await login(world, next);
  for (const one of others) await tryAgain(world, one);
  return true;
}

/** With what has ended, at both nodes. */
async function tryAgain(world: World, ended: SignedIn): Promise<void> {
  for (const member of world.members) {
    await refresh(world, ended, [member]);
    await me(world, ended, member);
  }
}
