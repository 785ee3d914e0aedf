import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';

const ROOT = path.resolve(import.meta.dirname, '..');

describe('docs/operations.md', () => {
  it('names no test that is not there', () => {
    const document = readFileSync(path.join(ROOT, 'docs/operations.md'), 'utf8');
    const named = [...document.matchAll(/\btests\/[\w./-]*\w/g)].map(([name]) => name);
    expect(named.filter((name) => !existsSync(path.join(ROOT, name)))).to.deep.equal([]);
    expect(named).to.include('tests/faults/nemesis.test.ts');
  });
});
