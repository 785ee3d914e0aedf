import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { testStrings, testTitles } from './support/test-titles.ts';

const DOCUMENT = path.resolve(import.meta.dirname, '../docs/security.md');

describe('docs/security.md', () => {
  it('has no requirement that no title of a test names, and no title names one that it lacks', async () => {
    const document = await readFile(DOCUMENT, 'utf8');
    const rows = [...document.matchAll(/^\| (SEC-\d+) \| (.*) \|$/gm)];
    const listed = rows.map(([, id = '']) => id);
    const built = rows.filter(([, , text = '']) => !text.startsWith('*later')).map(([, id]) => id);
    const titles = await testTitles();
    expect(titles.length).to.be.above(1_000);
    const named = new Set(titles.flatMap((title) => title.match(/SEC-\d+/g) ?? []));
    expect(listed.filter((id, index) => listed.indexOf(id) !== index)).to.deep.equal([]);
    expect(built.filter((id = '') => !named.has(id))).to.deep.equal([]);
    expect([...named].filter((id) => !listed.includes(id))).to.deep.equal([]);
  });

  it('lists no known hole of another server that no test tries, and all that tests try', async () => {
    const ids = (text: string): string[] => [
      ...new Set([...text.matchAll(/CVE-\d+-\d+|GHSA(?:-\w{4})+|GO-\d+-\d+/g)].map(([id]) => id)),
    ];
    const tried = ids((await testStrings()).join('\n'));
    expect(ids(await readFile(DOCUMENT, 'utf8'))).to.have.members(tried);
  });
});
