/** Two superusers who give roles, take them, and try to end each other. */
import { meAt } from '../../support/cookie-api.ts';
import { PASSWORD } from '../../support/people.ts';
import { login, refresh, type SignedIn } from './account.ts';
import { replyOf, roleFact } from './replies.ts';
import type { Person } from './stage.ts';
import { at, think, type World } from './world.ts';

interface Office {
  readonly self: Person;
  readonly rival: Person;
  /** Whose role nobody else touches. */
  readonly holder: Person;
}

export async function beSuperuser(world: World, index: 0 | 1): Promise<void> {
  const { superusers, holders } = world.cast;
  const other = index === 0 ? 1 : 0;
  const office = { self: superusers[index], rival: superusers[other], holder: holders[index] };
  let signedIn: SignedIn | undefined;
  while (!world.stop.aborted) {
    signedIn = signedIn && (await renewed(world, signedIn));
    signedIn ??= await login(world, accountOf(office.self));
    if (signedIn) await rule(world, office, signedIn.tokens.access);
    await think(world);
  }
}

const accountOf = ({ email }: Person) => ({ email, password: PASSWORD });

async function renewed(world: World, signedIn: SignedIn): Promise<SignedIn | undefined> {
  const tokens = await refresh(world, signedIn);
  return tokens && { ...signedIn, tokens };
}

/** Whoever was demoted is refused all of it, until the rival promotes them again. */
async function rule(world: World, office: Office, access: string): Promise<void> {
  const { superuserRole, editorRole } = world.cast;
  const { rival, holder } = office;
  await setRole(world, office, access, { method: 'PUT', to: rival, role: superuserRole });
  await setRole(world, office, access, { method: 'PUT', to: holder, role: editorRole });
  await readRoles(world, office, access);
  await setRole(world, office, access, { method: 'DELETE', to: holder, role: editorRole });
  await readRoles(world, office, access);
  const signedIn = await login(world, accountOf(holder));
  if (signedIn) await meOf(world, signedIn);
  if (world.random.oneIn(2)) {
    await setRole(world, office, access, { method: 'DELETE', to: rival, role: superuserRole });
  }
}

const isSuperuser = ({ self }: Office): string => roleFact(self.id, 'superuser');

interface RoleChange {
  readonly method: 'PUT' | 'DELETE';
  readonly to: Person;
  readonly role: string;
}

async function setRole(
  world: World,
  office: Office,
  access: string,
  { method, to, role }: RoleChange,
): Promise<void> {
  const name = role === world.cast.editorRole ? 'editor' : 'superuser';
  const facts = [roleFact(to.id, name)];
  const change =
    method === 'PUT' ? { kind: 'grant role', begins: facts } : { kind: 'revoke role', ends: facts };
  await at(
    world,
    world.random.pick(world.members),
    { ...change, uses: [isSuperuser(office)] },
    (member) =>
      member.browser().request(`/users/${to.id}/roles/${role}`, withToken(access, method)),
    replyOf,
  );
}

async function readRoles(world: World, office: Office, access: string): Promise<void> {
  const { holder } = office;
  await at(
    world,
    world.random.pick(world.members),
    { kind: 'read roles', uses: [isSuperuser(office)] },
    (member) => member.browser().request(`/users/${holder.id}/roles`, withToken(access, 'GET')),
    (answer) => {
      if (answer.status !== 200) return replyOf(answer);
      const { roles } = answer.json<{ roles: { name: string }[] }>();
      return { ...replyOf(answer), uses: roles.map(({ name }) => roleFact(holder.id, name)) };
    },
  );
}

async function meOf(world: World, { facts, tokens }: SignedIn): Promise<void> {
  const member = world.random.pick(world.members);
  await at(world, member, { kind: 'me', uses: facts }, (to) => meAt(to, tokens.access), replyOf);
}

const withToken = (access: string, method: string) => ({
  method,
  anonymous: true,
  headers: { authorization: `Bearer ${access}` },
});
