import { type Command, CommandError } from '../../src/kernel/plugin.ts';
import { Directory, isName } from './directory.ts';

export const commands: readonly Command[] = [
  {
    name: 'directory add',
    summary:
      'add a person to the directory, or change one; the password is read from standard input',
    args: [
      { name: '<uid>', summary: 'the name to sign in with' },
      { name: '<email>', summary: 'their address' },
      { name: '<name>', summary: 'their full name' },
    ],
    async run({ args: [uid = '', email = '', name = ''], io, record, use }) {
      if (!isName(uid)) throw new CommandError('A name is a to z, 0 to 9, dots, dashes.');
      const password = (await io.readStdin()).trim();
      if (!password) throw new CommandError('No password came on standard input.');
      await use(Directory).put({ uid, email, name }, password);
      record('directory_changed', uid);
      io.out(`${uid} is in the directory.`);
    },
  },
  {
    name: 'directory remove',
    summary: 'remove a person from the directory',
    args: [{ name: '<uid>', summary: 'the name to sign in with' }],
    async run({ args: [uid = ''], io, record, use }) {
      if (!(await use(Directory).remove(uid))) throw new CommandError(`Nobody is called ${uid}.`);
      record('directory_removed', uid);
      io.out(`${uid} is no longer in the directory.`);
    },
  },
];
