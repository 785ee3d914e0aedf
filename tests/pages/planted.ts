/** Markup for every field, and how a browser tells that none of it became an element. */
import { expect } from 'chai';
import type { Page } from 'playwright-core';

/** Tells the browser's own files from what was planted. */
const ELEMENTS = '<form action=//x><base href=//x><img src=x onerror=p=1>';

/** At most 60 characters: a provider's name. */
export const MARKED_LABEL = `'">${ELEMENTS}`;
/** At most 100 characters: a client's name. */
export const MARKED_NAME = `'"></title>${ELEMENTS}<script>p=1</script>`;
/** A scope has neither blanks nor double quotes (RFC 6749 §3.3). */
export const MARKED_SCOPE = `'></title>${ELEMENTS.replaceAll(' ', '/')}<script>p=1</script>`;
/** Where nothing limits it: also an attribute, a redirect, a line separator and an open comment. */
export const MARKED_TEXT = `${MARKED_NAME}</textarea><meta http-equiv=refresh content=0;//x>\u2028" onfocus=p=1 autofocus x="<!--`;

/** Runs in the browser: what was planted, by its attributes or its text. */
const PLANTED = `(() => {
  const marked = '[action="//x"], [href="//x"], [src="x"], [onerror], [onfocus], [x], meta[http-equiv=refresh]';
  const scripts = [...document.scripts].filter(({ text }) => text.includes('p=1'));
  const elements = [...document.querySelectorAll(marked), ...scripts].map(({ outerHTML }) => outerHTML.slice(0, 80));
  return window.p === undefined ? elements : [...elements, 'a script ran'];
})()`;

/** Runs in the browser: all that a person can read, or that a form would send. */
const SHOWN = `[document.title, document.body.textContent, ...[...document.querySelectorAll('input')].map(({ value }) => value)].join('\\n')`;

const asRead = (text: string): string => text.replace(/\s+/g, ' ');

export const planted = (page: Page): Promise<string[]> => page.evaluate(PLANTED);

/** Fails unless the page shows all of these texts as they are, and nothing in it is an element of theirs. */
export async function expectOnlyText(page: Page, name: string, shown: readonly string[]) {
  expect(await planted(page), name).to.deep.equal([]);
  const text = asRead(await page.evaluate(SHOWN));
  for (const one of shown) expect(text, name).to.include(asRead(one));
}
