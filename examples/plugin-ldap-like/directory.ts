/** The directory itself: who is in it, and whether a password is theirs. A real one would ask an LDAP server here. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { defineService } from '../../src/kernel/service.ts';
import type { DirectoryModel } from './model.ts';

const derive = promisify<string, Buffer, number, Buffer>(scrypt);

export interface Person {
  readonly uid: string;
  readonly email: string;
  readonly name: string;
}

export interface DirectoryService {
  /** Adds a person, or changes one. */
  put(person: Person, password: string): Promise<void>;
  remove(uid: string): Promise<boolean>;
  /** The person of this name and password, as an LDAP bind would tell; undefined for anybody else, after the same time. */
  bind(uid: string, password: string): Promise<Person | undefined>;
}

export const Directory = defineService<DirectoryService>('directory');

/** Names that there can be. */
export const isName = (uid: string): boolean => /^[a-z][a-z0-9._-]{0,63}$/.test(uid);

/** Nobody's password, so that unknown names take as long as known ones. */
const NOBODY = `${randomBytes(16).toString('hex')}:${randomBytes(32).toString('hex')}`;

async function matches(stored: string, password: string): Promise<boolean> {
  const [salt = '', hash = ''] = stored.split(':').map((part) => Buffer.from(part, 'hex'));
  return timingSafeEqual(await derive(password, salt as Buffer, 32), hash as Buffer);
}

export function createDirectory(model: DirectoryModel): DirectoryService {
  return {
    async put(person, password) {
      const salt = randomBytes(16);
      const hash = await derive(password, salt, 32);
      const password_hash = `${salt.toString('hex')}:${hash.toString('hex')}`;
      await model.put({ ...person, password_hash });
    },
    remove: (uid) => model.remove(uid),
    async bind(uid, password) {
      // What cannot be a name is not looked up: PostgreSQL refuses some of it (a NUL).
      const entry = isName(uid) ? await model.find(uid) : undefined;
      const isRight = await matches(entry?.password_hash ?? NOBODY, password);
      return entry && isRight ? { uid, email: entry.email, name: entry.name } : undefined;
    },
  };
}
