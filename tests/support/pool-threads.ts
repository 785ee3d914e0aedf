import { readdir, readFile } from 'node:fs/promises';

/** Threads of libuv's pool in another process; Linux only, where they have a name. */
export async function poolThreads(pid: number): Promise<number> {
  const folder = `/proc/${pid}/task`;
  const tasks = await readdir(folder);
  const names = await Promise.all(tasks.map((task) => readFile(`${folder}/${task}/comm`, 'utf8')));
  return names.filter((name) => name.startsWith('libuv-worker')).length;
}
