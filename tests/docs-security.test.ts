import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';

const ROOT = path.resolve(import.meta.dirname, '..');

/** The titles of all tests, by the only way that needs no run: their sources. */
async function sources(ending = '.test.ts'): Promise<string> {
  const names = await readdir(path.join(ROOT, 'tests'), { recursive: true });
  const files = names.filter((name) => name.endsWith(ending));
  const texts = await Promise.all(
    files.map((name) => readFile(path.join(ROOT, 'tests', name), 'utf8')),
  );
  return texts.join('\n');
}

describe('docs/security.md', () => {
  it('has no requirement without a test that names it, and no test one that it lacks', async () => {
    const document = await readFile(path.join(ROOT, 'docs/security.md'), 'utf8');
    const rows = [...document.matchAll(/^\| (SEC-\d+) \| (.*) \|$/gm)];
    const listed = rows.map(([, id = '']) => id);
    const built = rows.filter(([, , text = '']) => !text.startsWith('*later')).map(([, id]) => id);
    const named = new Set([...(await sources()).matchAll(/SEC-\d+/g)].map(([id]) => id));
    expect(listed.filter((id, index) => listed.indexOf(id) !== index)).to.deep.equal([]);
    expect(built.filter((id = '') => !named.has(id))).to.deep.equal([]);
    expect([...named].filter((id) => !listed.includes(id))).to.deep.equal([]);
  });

  it('lists no known hole of another server that no test tries, and all that tests try', async () => {
    const document = await readFile(path.join(ROOT, 'docs/security.md'), 'utf8');
    const ids = (text: string): string[] => [
      ...new Set([...text.matchAll(/CVE-\d+-\d+|GHSA(?:-\w{4})+|GO-\d+-\d+/g)].map(([id]) => id)),
    ];
    // Titles are built from tables of cases in files that are no tests themselves.
    const tried = ids(await sources('.ts'));
    expect(ids(document)).to.have.members(tried);
  });
});
