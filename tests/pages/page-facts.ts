/** What holds for every page that a person sees, read from the page as the browser laid it out. */
import { expect } from 'chai';
import type { Page } from 'playwright-core';

interface PageFacts {
  readonly lang: string;
  readonly h1: number;
  readonly main: number;
  readonly unlabelledInputs: readonly string[];
  readonly namelessButtons: number;
  readonly brokenImages: readonly string[];
  readonly emptyStyleSheets: readonly string[];
  readonly repeatedIds: readonly string[];
  /** CSS pixels by which the page is wider than its window. */
  readonly overflow: number;
}

/** Runs in the browser. */
const FACTS = `(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const root = document.documentElement;
  const ids = all('[id]').map(({ id }) => id);
  return {
    lang: root.lang,
    h1: all('h1').length,
    main: all('main').length,
    unlabelledInputs: all('input:not([type=hidden])')
      .filter(({ labels }) => ![...labels].some((label) => label.textContent.trim()))
      .map(({ name }) => name),
    namelessButtons: all('button').filter((button) => !button.textContent.trim()).length,
    brokenImages: all('img').filter((image) => !image.naturalWidth).map(({ src }) => src),
    emptyStyleSheets: all('link[rel=stylesheet]')
      .filter(({ sheet }) => !sheet?.cssRules.length).map(({ href }) => href),
    repeatedIds: ids.filter((id, i) => ids.indexOf(id) !== i),
    overflow: root.scrollWidth - root.clientWidth,
  };
})()`;

/** Fails unless the page has a title, a language, one h1, one main, labels, its assets, and fits its window. */
export async function expectSoundPage(page: Page): Promise<void> {
  const facts: PageFacts = await page.evaluate(FACTS);
  expect(facts, page.url()).to.deep.equal({
    lang: 'en',
    h1: 1,
    main: 1,
    unlabelledInputs: [],
    namelessButtons: 0,
    brokenImages: [],
    emptyStyleSheets: [],
    repeatedIds: [],
    overflow: 0,
  });
  expect(await page.title()).to.match(/^(Error: )?[^:·]+ · Auth Service$/);
}
