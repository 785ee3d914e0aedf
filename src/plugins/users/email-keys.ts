/** Keys of addresses that users had before there were any. */
import { inBatches } from '../../kernel/in-batches.ts';
import { type Contributions, type Finding, warning } from '../../kernel/plugin.ts';
import { emailKey } from './email-address.ts';
import type { UserModel } from './model.ts';

/** No id comes before. */
const FIRST = '00000000-0000-0000-0000-000000000000';
/** Pairs that a finding names. */
const MOST = 10;
/** Seconds: how long a key that became free stays so. */
const TURN = 3600;

type Keys = Pick<UserModel, 'listUnkeyed' | 'setKey' | 'findByEmail'>;

/** Writes each down unless another user has it: of two who share an address one gets it, and both stay as they are. */
export async function writeKeys(users: Keys): Promise<void> {
  let after = FIRST;
  await inBatches(async (size) => {
    const rows = await users.listUnkeyed(after, size);
    for (const row of rows) await users.setKey(row, emailKey(row.email));
    after = rows.at(-1)?.id ?? after;
    return rows.length;
  });
}

/** Users who share an address with another one, by their ids. */
async function findPairs(users: Keys): Promise<readonly string[]> {
  const pairs: string[] = [];
  for (const { id, email } of await users.listUnkeyed(FIRST, MOST)) {
    const key = emailKey(email);
    const other = await users.findByEmail({ canonical: key, key });
    if (other && other.id !== id) pairs.push(`${id} and ${other.id}`);
  }
  return pairs;
}

const sharing = (pairs: readonly string[]): Finding =>
  warning(
    `Some users of before share an e-mail address in two spellings, such as münchen.example and xn--mnchen-3ya.example: ${pairs.join(', ')}. Each signs in with the spelling that was registered.`,
    'Ask which account is used, and delete the other: "authsrv user show <id>", "authsrv user delete <id>".',
  );

/** Before this node takes a registration, and once an hour: the other account of a pair may have gone. */
export const keepKeys = (
  users: Keys,
): Required<Pick<Contributions, 'diagnoses' | 'tasks' | 'start'>> => ({
  diagnoses: [
    {
      name: 'shared_addresses',
      async check() {
        const pairs = await findPairs(users);
        return pairs.length > 0 ? [sharing(pairs)] : [];
      },
    },
  ],
  tasks: [{ name: 'users.email-keys', every: TURN, run: () => writeKeys(users) }],
  start: () => writeKeys(users),
});
