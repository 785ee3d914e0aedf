/** What tests are called and hold, read from their sources without a run: comments do not count. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import ts from 'typescript';

const TESTS = path.resolve(import.meta.dirname, '..');

async function* sources(ending: string): AsyncGenerator<ts.SourceFile> {
  const names = await readdir(TESTS, { recursive: true });
  for (const name of names.filter((one) => one.endsWith(ending))) {
    const text = await readFile(path.join(TESTS, name), 'utf8');
    yield ts.createSourceFile(name, text, ts.ScriptTarget.Latest);
  }
}

/** The text of a string; of a template that which is the same each time. Undefined for anything else. */
function literalText(node: ts.Node | undefined): string | undefined {
  if (!node) return undefined;
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return [node.head, ...node.templateSpans.map(({ literal }) => literal)]
    .map(({ text }) => text)
    .join(' ');
}

/** The titles of all calls of `it`, each after those of the `describe`s around it. One that is skipped is none. */
export async function testTitles(): Promise<string[]> {
  const titles: string[] = [];
  const visit = (node: ts.Node, around: string): void => {
    const isCall = ts.isCallExpression(node) && ts.isIdentifier(node.expression);
    const called = isCall ? (node.expression as ts.Identifier).text : undefined;
    const title = isCall ? literalText(node.arguments[0]) : undefined;
    const full = `${around} ${title ?? ''}`.trim();
    if (called === 'it') titles.push(full);
    ts.forEachChild(node, (child) => visit(child, called === 'describe' ? full : around));
  };
  for await (const source of sources('.test.ts')) visit(source, '');
  return titles;
}

/** All strings in the files of the suites: titles are built from tables of cases as well. */
export async function testStrings(): Promise<string[]> {
  const strings: string[] = [];
  const visit = (node: ts.Node): void => {
    const text = literalText(node);
    if (text !== undefined) strings.push(text);
    ts.forEachChild(node, visit);
  };
  for await (const source of sources('.ts')) visit(source);
  return strings;
}
