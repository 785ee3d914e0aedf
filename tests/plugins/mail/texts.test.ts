import { expect } from 'chai';
import { createComposer } from '../../../src/plugins/mail/compose.ts';
import { texts } from '../../../src/plugins/mail/texts.ts';
import { createPluginContext } from '../plugin-context.ts';

const { render } = createPluginContext().context;
const compose = createComposer({ render, product: 'auth.example.com' });
const times = { device: 'Firefox on Windows', time: '2026-11-23 08:00 UTC' };
const ways = {
  provider: 'Google',
  detail: 'ana@gmail.example',
  ways: 'Google (ana@gmail.example)',
};
const url = 'https://auth.example.com/l/abc?a=1&b=2';
const locals = { ...times, ...ways, name: 'Ana', url, hours: 1 };

describe('mails', () => {
  for (const template of Object.keys(texts)) {
    it(`${template} says whose it is, in text and in HTML, with the same links`, () => {
      const { subject, text, html } = compose({ template, locals });
      expect(subject).to.include('auth.example.com').and.to.have.length.below(100);
      expect(text).to.include('Hello Ana,').and.include('– auth.example.com');
      expect(html).to.include('Hello Ana,');
      const links = [...text.matchAll(/^https:\S+$/gm)].map(([link]) => link);
      const hrefs = [...html.matchAll(/href="([^"]+)"/g)].map(([, href = '']) =>
        href.replaceAll('&amp;', '&'),
      );
      expect(hrefs).to.deep.equal(links);
      expect(`${subject}${text}${html}`).not.to.include('undefined');
      // Nothing is loaded when the mail is opened.
      expect(html).not.to.match(/<img|<script|url\(|src=/);
    });

    it(`SEC-91: ${template} takes a name as text, on one line`, () => {
      const name = '<b>Eve</b>\r\n\r\nhttps://evil.example/\u2028now';
      const { text, html } = compose({ template, locals: { ...locals, name } });
      expect(text).not.to.match(/^https:\/\/evil/m);
      expect(html).not.to.include('<b>').and.not.include('href="https://evil');
    });
  }

  it('are only those that there are', () => {
    for (const template of ['nothing', 'toString', '__proto__']) {
      expect(() => compose({ template, locals })).to.throw(TypeError, 'There is no mail');
    }
  });
});
