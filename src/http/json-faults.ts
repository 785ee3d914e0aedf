/** Levels of nesting; what we accept has three. */
const MAX_DEPTH = 16;

/** Strings, and what is between values. Numbers and names are left out. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g;

/** Members that lead to the prototype of an object, for whoever copies members one by one. */
const DANGEROUS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * What is wrong with a text that JSON.parse accepts; undefined: nothing. Two members of one name are refused (RFC 8259
 * §4: their meaning is unpredictable), since what checks a request and what acts on it might each read another one.
 */
export function findJsonFault(text: string): string | undefined {
  const open: Open = [];
  let before = '';
  for (const [token] of text.matchAll(TOKENS)) {
    const isName = token.startsWith('"') && (before === '{' || before === ',');
    const fault = isName ? takeName(open.at(-1), token) : nest(open, token);
    if (fault) return fault;
    before = token;
  }
  return undefined;
}

/** Member names of each open object; undefined for an array. */
type Open = (Set<string> | undefined)[];

function nest(open: Open, token: string): string | undefined {
  if (token === '{' || token === '[') open.push(token === '{' ? new Set() : undefined);
  if (token === '}' || token === ']') open.pop();
  return open.length > MAX_DEPTH ? 'The body is nested too deeply.' : undefined;
}

function takeName(names: Set<string> | undefined, token: string): string | undefined {
  if (!names) return undefined;
  const name = JSON.parse(token) as string;
  if (DANGEROUS.has(name)) return 'The body has a member with a name that is not allowed.';
  if (names.has(name)) return 'The body has two members of one name.';
  names.add(name);
  return undefined;
}
