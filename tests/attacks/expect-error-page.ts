import { expect } from 'chai';
import type { Answer } from '../support/browser.ts';

/** An error page of ours: nothing that a browser would follow, nothing that runs. */
export function expectErrorPage(answer: Answer): void {
  expect(answer.status).to.equal(400);
  expect(answer.headers.get('location'), 'Location').to.equal(null);
  expect(answer.headers.get('refresh'), 'Refresh').to.equal(null);
  expect(answer.headers.get('content-type')).to.match(/^text\/html/);
  expect(answer.text).not.to.match(/<form|<script|<meta[^>]*refresh|evil/i);
}
