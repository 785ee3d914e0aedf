/** CPU of one hash by each binding with the same parameters, and whether they read each other's. */
import { leastCpu, load } from './load.ts';

interface Theirs {
  hash(password: string, options: object): Promise<string>;
  verify(hash: string, password: string): Promise<boolean>;
}
type Ours = Theirs;

const theirs = load<Theirs>('argon2', 'argon2');
const ours = load<Ours>('node-rs-argon2', '@node-rs/argon2');

const PASSWORD = 'seven quiet herons fly';
const HASHES = 10;
const ROUNDS = 7;

const repeat = (work: () => Promise<unknown>) => async () => {
  for (let n = 0; n < HASHES; n += 1) await work();
};

for (const memoryCost of [19_456, 65_536]) {
  const options = { memoryCost, timeCost: 2, parallelism: 1 };
  const hashes = [await theirs.hash(PASSWORD, options), await ours.hash(PASSWORD, options)];
  const read = [
    await ours.verify(hashes[0] ?? '', PASSWORD),
    await theirs.verify(hashes[1] ?? '', PASSWORD),
  ];
  const [before, now] = [[], []] as [number[], number[]];
  for (let round = 0; round < ROUNDS; round += 1) {
    before.push(
      await leastCpu(
        1,
        repeat(() => theirs.hash(PASSWORD, options)),
      ),
    );
    now.push(
      await leastCpu(
        1,
        repeat(() => ours.hash(PASSWORD, options)),
      ),
    );
  }
  const [one, other] = [Math.min(...before) / HASHES / 1000, Math.min(...now) / HASHES / 1000];
  console.log(
    `argon2id, m=${memoryCost} t=2 p=1: ${one.toFixed(1)} ms of CPU a hash against ${other.toFixed(1)}, ratio ${(one / other).toFixed(2)}; each verifies the other's: ${read.join(', ')}`,
  );
}
