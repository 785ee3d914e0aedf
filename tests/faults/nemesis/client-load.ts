/** A relying party and the people who sign in to it: codes, refresh tokens, introspection, revocation. */
import { userinfoAt } from '../../support/cookie-api.ts';
import { codeOf, type RelyingParty, type TokenAnswer } from '../../support/relying-party.ts';
import { type Account, login, logout, register, type SignedIn } from './account.ts';
import { labelOf, readAuthorization, readIntrospection, readTokens, replyOf } from './replies.ts';
import type { Member } from './stage.ts';
import { at, insist, think, type World } from './world.ts';

interface ClientTokens {
  readonly facts: readonly string[];
  readonly access: string;
  readonly refresh: string;
}

/** One visit after the other until the load ends. */
export async function visitClients(world: World): Promise<void> {
  let account: Account | undefined;
  while (!world.stop.aborted) {
    account ??= await register(world, world.name('visitor'));
    if (account) await visit(world, account);
    await think(world);
  }
}

async function visit(world: World, account: Account): Promise<void> {
  const member = world.random.pick(world.members);
  const browser = member.browser();
  const signedIn = await signInWith(world, account, member, browser);
  if (!signedIn) return;
  const code = await authorize(world, signedIn, member, browser);
  const tokens = code && (await redeem(world, signedIn, code));
  if (code && world.random.oneIn(2)) await redeem(world, signedIn, code);
  const latest = tokens && (await use(world, tokens));
  const unused = await authorize(world, signedIn, member, browser);
  if (latest && world.random.oneIn(3)) await revoke(world, latest);
  if (!(await logout(world, signedIn))) return;
  if (unused) await redeem(world, signedIn, unused);
  if (latest) await tryAgain(world, latest);
  await authorize(world, signedIn, member, browser);
}

type Browser = ReturnType<Member['browser']>;

/** In a browser, whose cookies the authorization endpoint knows. */
const signInWith = (world: World, account: Account, member: Member, browser: Browser) =>
  login(world, account, { member: { ...member, name: member.name, browser: () => browser } });

async function authorize(
  world: World,
  { facts }: SignedIn,
  member: Member,
  browser: Browser,
): Promise<string | undefined> {
  const { rp } = world.cast;
  const { outcome, value } = await at(
    world,
    member,
    { kind: 'authorize', uses: facts.slice(0, 1) },
    () => rp.authorize(browser, { prompt: 'none' }),
    readAuthorization,
  );
  return outcome === 'ok' && value ? codeOf(value) : undefined;
}

/** At both nodes at once: one may succeed. */
async function redeem(
  world: World,
  { facts }: SignedIn,
  code: string,
): Promise<ClientTokens | undefined> {
  const plan = { kind: 'redeem', uses: facts.slice(0, 1), spends: labelOf(code) };
  const call = (member: Member) => world.cast.rp.redeem(code, {}, member);
  return won(world, facts, plan, call, world.members);
}

/** A new family of its own for each code. */
async function won(
  world: World,
  facts: readonly string[],
  plan: Parameters<typeof at>[2],
  call: (member: Member) => Promise<TokenAnswer>,
  members: readonly Member[],
): Promise<ClientTokens | undefined> {
  const answers = await Promise.all(
    members.map((member) => at(world, member, plan, call, readTokens)),
  );
  const body = answers.find(({ outcome }) => outcome === 'ok')?.value?.body;
  if (!body) return undefined;
  const family = plan.kind === 'redeem' ? [facts[0] ?? '', world.name('client family')] : facts;
  return { facts: family, access: body.access_token ?? '', refresh: body.refresh_token ?? '' };
}

async function refresh(
  world: World,
  { facts, refresh: token }: ClientTokens,
  members: readonly Member[],
): Promise<ClientTokens | undefined> {
  const plan = { kind: 'refresh client', uses: facts, spends: labelOf(token) };
  const call = (member: Member) => world.cast.rp.refresh(token, {}, member);
  return won(world, facts, plan, call, members);
}

async function use(world: World, first: ClientTokens): Promise<ClientTokens | undefined> {
  let current: ClientTokens | undefined = first;
  for (let turn = 1 + world.random.below(3); turn > 0 && current; turn -= 1) {
    await think(world);
    await introspect(world, current);
    const member = world.random.pick(world.members);
    await userinfo(world, current, member);
    const members = world.random.oneIn(3) ? world.members : [member];
    const next = await refresh(world, current, members);
    current = next ?? (await refresh(world, current, [member]));
  }
  return current;
}

const call = (rp: RelyingParty, path: string, token: string) => (member: Member) =>
  rp.post(path, { token }, {}, member);

async function introspect(world: World, tokens: ClientTokens): Promise<void> {
  const { rp } = world.cast;
  const plan = { kind: 'introspect', uses: tokens.facts };
  const member = world.random.pick(world.members);
  await at(world, member, plan, call(rp, '/oidc/introspect', tokens.refresh), readIntrospection);
}

async function userinfo(world: World, { facts, access }: ClientTokens, member: Member) {
  const plan = { kind: 'userinfo', uses: facts };
  await at(world, member, plan, (to) => userinfoAt(to, access), replyOf);
}

async function revoke(world: World, { facts, refresh: token }: ClientTokens): Promise<void> {
  const plan = { kind: 'revoke', ends: facts.slice(1) };
  const revokeOnce = call(world.cast.rp, '/oidc/revoke', token);
  await insist(world, () => at(world, world.random.pick(world.members), plan, revokeOnce, replyOf));
}

/** With what has ended, at both nodes. */
async function tryAgain(world: World, tokens: ClientTokens): Promise<void> {
  await introspect(world, tokens);
  for (const member of world.members) {
    await refresh(world, tokens, [member]);
    await userinfo(world, tokens, member);
  }
}
