import { glob } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { allRuns, inLanes, type TestRun } from './test-runs.ts';

const root = path.resolve(import.meta.dirname, '../..');

async function filesOf(pattern: string | readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob(pattern, { cwd: root })) files.push(file);
  return files;
}

describe('the runs of all tests', () => {
  it('have every test once', async () => {
    const runs = await allRuns(root);
    const first = runs.filter(({ env }) => env === undefined);
    const run = (await Promise.all(first.map(({ files }) => filesOf(files)))).flat();
    expect(run.sort()).to.deep.equal((await filesOf('tests/**/*.test.ts')).sort());
  });

  it('have the flows once more, below a path', async () => {
    const below = (await allRuns(root)).filter(({ env }) => env?.['TEST_BASE_PATH']);
    expect(below.map(({ files }) => files)).to.deep.equal([['tests/flows/*.test.ts']]);
  });

  it('go on side by side, but for those that need the machine to themselves', async () => {
    const names = ['a', 'alone', 'b', 'c'];
    const runs: TestRun[] = names.map((name) => ({ name, files: [], alone: name === 'alone' }));
    const going = new Set<string>();
    const seen: string[] = [];
    const results = await inLanes(runs, 2, async ({ name }) => {
      going.add(name);
      await Promise.resolve();
      seen.push([...going].join('+'));
      going.delete(name);
      return name;
    });
    expect(results).to.have.members(names);
    expect(seen).to.include('a+b').and.include('alone');
    expect(seen.at(-1)).to.equal('alone');
  });
});
