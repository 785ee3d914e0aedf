/** What docs/ lists of the house is what is there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import ts from 'typescript';
import { builtIn } from '../src/plugins.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const read = (name: string): string => readFileSync(path.join(ROOT, name), 'utf8');

/** Names of the members of an interface of src/kernel/plugin.ts. */
function membersOf(name: string): string[] {
  const source = ts.createSourceFile('', read('src/kernel/plugin.ts'), ts.ScriptTarget.Latest);
  const found = source.statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  );
  return found?.members.map((member) => member.name?.getText(source) ?? '') ?? [];
}

/** The words of the first piece of code after `before`. */
function wordsAfter(document: string, before: string): string[] {
  const [, words = ''] = document.slice(document.indexOf(before)).match(/`([\w\s]+)`/) ?? [];
  return words.split(/\s+/);
}

describe('documents of the house', () => {
  const architecture = read('docs/architecture.md');
  const plugins = read('docs/plugins.md');

  it('docs/architecture.md has every folder of src on a floor', () => {
    const [, floors = ''] = /```\n(src\/main[\s\S]*?)```/.exec(architecture) ?? [];
    const folders = readdirSync(path.join(ROOT, 'src'), { withFileTypes: true });
    const names = folders.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    expect(names).to.have.length.above(5);
    for (const name of names) expect(floors).to.match(new RegExp(`[/{,]${name}[/},]`), name);
  });

  it('docs/architecture.md has every plugin in its table, and no other', () => {
    const [table = ''] = /\| plugin \| owns \|[\s\S]*?\n\n/.exec(architecture) ?? [];
    const rows = [...table.matchAll(/^\| (`.*?`) \|/gm)].map(([, cell = '']) => cell);
    const named = rows.flatMap((cell) => [...cell.matchAll(/`([\w-]+)`/g)].map(([, one]) => one));
    expect(named).to.have.members(builtIn.map(({ name }) => name));
  });

  it('docs/plugins.md lists what a context has, and what a plugin may contribute', () => {
    const context = membersOf('PluginContext').filter((name) => name !== 'use');
    expect(wordsAfter(plugins, ' has `settings')).to.have.members(context);
    const contributions = membersOf('Contributions');
    expect(wordsAfter(plugins, '(../src/kernel/plugin.ts)')).to.have.members(contributions);
  });

  it('links of documents lead to files, and to headings that are there', () => {
    const links = documents().flatMap(linksOf);
    expect(links.length).to.be.above(20);
    for (const { from, target, file, heading } of links) {
      expect(existsSync(path.join(ROOT, file)), `${from}: ${target}`).to.equal(true);
      if (heading === undefined || !file.endsWith('.md')) continue;
      expect(anchorsOf(read(file)), `${from}: ${target}`).to.include(heading);
    }
  });
});

function documents(): string[] {
  const folders = ['docs', 'examples', 'src/plugins'].flatMap((folder) => {
    const names = readdirSync(path.join(ROOT, folder), { recursive: true }) as string[];
    return names.map((name) => path.join(folder, name));
  });
  const texts = folders.filter((name) => name.endsWith('.md') && !name.includes('node_modules'));
  return ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'bench/README.md', ...texts];
}

/** Those that lead to a file of the repository. */
const linksOf = (from: string) =>
  [...read(from).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, target = '']) => {
    const [file = '', heading] = target.split('#');
    return {
      from,
      target,
      file: file === '' ? from : path.join(path.dirname(from), file),
      heading,
    };
  });

/** As GitHub makes them: lower case, spaces to hyphens, other signs left out. */
const anchorsOf = (markdown: string): string[] =>
  [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
