/** Secrets that can be told from everything else, and the search for them in whatever a server wrote. */
import { randomUUID } from 'node:crypto';

/** One place where a server writes: its log, its traces … */
export type Sinks = Readonly<Record<string, string>>;

export class Canaries {
  readonly #planted = new Map<string, string>();

  /** A new secret; `where` names the field it is planted in. */
  plant(where: string): string {
    const secret = `CANARY-${randomUUID()}`;
    this.#planted.set(secret, where);
    return secret;
  }

  /** A secret that the server made: a token, a code, a cookie. */
  add(where: string, secret: string | null | undefined): void {
    if (secret && secret.length >= 16) this.#planted.set(secret, where);
  }

  get size(): number {
    return this.#planted.size;
  }

  /** `log: password of a login` for each that is there, as it is or encoded. */
  leaks(sinks: Sinks): string[] {
    return [...this.#planted].flatMap(([secret, where]) =>
      Object.entries(sinks)
        .filter(([, text]) => spellings(secret).some((one) => text.includes(one)))
        .map(([sink]) => `${sink}: ${where}`),
    );
  }
}

/** Base64 of a text within a text differs by where it begins. */
const inBase64 = (secret: string): string[] =>
  [0, 1, 2].map((shift) =>
    Buffer.from(`${'x'.repeat(shift)}${secret}`)
      .toString('base64url')
      .slice(4, -4),
  );

const spellings = (secret: string): string[] => [
  secret,
  secret.toLowerCase(),
  encodeURIComponent(secret),
  Buffer.from(secret).toString('hex'),
  ...inBase64(secret),
];
