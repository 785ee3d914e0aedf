import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { EtaRuntimeError } from 'eta';
import { createRenderer } from '../../src/http/render.ts';
import { readForms, readTags } from './read-tags.ts';
import { type Locals, viewSamples } from './view-samples.ts';

const folder = fileURLToPath(new URL('../../views', import.meta.url));
const render = createRenderer({ folder, assetBase: '/sub/assets', productName: 'Auth Service' });

const templates = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.eta'))
  .map((file) => file.replaceAll('\\', '/').replace(/\.eta$/, ''));
const views = templates.filter(
  (name) => name !== 'layout' && !name.startsWith('partials/') && name !== 'mail/message',
);
const viewOf = (sample: string): string => sample.split('#')[0] ?? '';

const HOSTILE = `"'><script>alert(1)</script><img src=x onerror=alert(2)> & <%= it %>`;
const HOSTILE_LINK = `https://example.com/${HOSTILE}`;

/** The same locals, every text in them replaced. */
function poison(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return /^(uri|backUrl)$/.test(key) ? HOSTILE_LINK : HOSTILE;
  if (Array.isArray(value)) return value.map((item) => poison(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, poison(item, name)]),
  );
}

describe('render', () => {
  it('has a sample of every view', () => {
    expect(new Set(Object.keys(viewSamples).map(viewOf))).to.deep.equal(new Set(views));
  });

  it('prints raw only what templates made themselves', () => {
    for (const name of templates) {
      const source = readFileSync(join(folder, `${name}.eta`), 'utf8');
      for (const [, raw] of source.matchAll(/<%[-_]?\s*~\s*([^%]*?)\s*%>/g)) {
        expect(raw, name).to.match(/^(it\.body$|include\()/);
      }
      expect(source, name).not.to.match(/\b(output|capture)\(/);
    }
  });

  it('names the line of a local that was not given, and quotes no other', () => {
    const locals = { action: '/x', email: 'ana@example.com' };
    expect(() => render('sign-in/sign-in', locals))
      .to.throw(EtaRuntimeError, /csrf\.eta:1/)
      .with.property('message')
      .that.does.not.include('ana@example.com');
  });

  it('refuses views that do not exist or lie outside the folder', () => {
    expect(() => render('sign-in/none', {})).to.throw('Could not find template');
    expect(() => render('../package', {})).to.throw('not in the views directory');
  });

  it('cannot be renamed by locals', () => {
    const html = render('sessions/signed-out', {
      productName: 'Evil',
      assetBase: '//evil.example',
    });
    expect(html).to.include('Auth Service').and.not.include('Evil').and.not.include('evil.example');
  });

  it('shows the title it is given', () => {
    const html = render('sessions/signed-out', { title: 'Bye' });
    expect(html).to.include('<title>Bye · Auth Service</title>');
  });

  describe('with a broken template', () => {
    let broken: string;
    beforeEach(() => {
      broken = mkdtempSync(join(tmpdir(), 'views-'));
      writeFileSync(join(broken, 'page.eta'), '<% if ( { %>');
    });
    afterEach(() => {
      rmSync(broken, { recursive: true });
    });

    it('fails when it is created, not at the first request', () => {
      const options = { assetBase: '/assets', productName: 'X' };
      expect(() => createRenderer({ folder: broken, ...options })).to.throw('Bad template syntax');
      expect(() => createRenderer({ folder: join(broken, 'no'), ...options })).to.throw('ENOENT');
    });
  });
});

describe('style sheet and icon', () => {
  const read = (file: string): string => readFileSync(join(folder, 'assets', file), 'utf8');

  it('load nothing', () => {
    expect(read('style.css')).not.to.match(/@import|url\(|expression\(/);
    expect(read('icon.svg').replace('xmlns="http://www.w3.org/2000/svg"', '')).not.to.match(
      /script|style|href|http|\son[a-z]+=|<!/,
    );
  });

  it('style only classes that a template has', () => {
    const used = new Set(
      templates.flatMap((name) => {
        const source = readFileSync(join(folder, `${name}.eta`), 'utf8');
        return [...source.matchAll(/\bclass(?:="|: ')([a-z -]+)["']/g)].flatMap(([, names = '']) =>
          names.split(' '),
        );
      }),
    );
    const styled = [...read('style.css').matchAll(/\.([a-z][a-z-]+)/g)].map(([, name]) => name);
    expect([...new Set(styled)].filter((name) => !used.has(name ?? ''))).to.deep.equal([]);
  });
});

for (const [sample, locals] of Object.entries(viewSamples)) {
  describe(`view ${sample}`, () => {
    const html = render(viewOf(sample), locals);
    checkEscaping(sample, locals, html);
    checkPolicy(html);
    checkAccessibility(html);
    checkForms(html, locals);
  });
}

function checkEscaping(sample: string, locals: Locals, html: string): void {
  it('keeps its structure with hostile locals', () => {
    const hostile = render(viewOf(sample), poison(locals) as Locals);
    const shape = (page: string): string[] =>
      readTags(page).map(
        ({ name, closing, attributes }) =>
          `${closing ? '/' : ''}${name} ${Object.keys(attributes).join(' ')}`,
      );
    expect(shape(hostile)).to.deep.equal(shape(html));
    expect(hostile).not.to.include('<script').and.not.include('<img src=x');
    if (Object.keys(locals).length > 0) expect(hostile).to.include('&lt;script&gt;');
  });
}

function checkPolicy(html: string): void {
  it('obeys default-src none: no script, style, handler or foreign resource', () => {
    for (const { name, attributes } of readTags(html)) {
      expect(['script', 'style', 'iframe', 'object', 'embed', 'base']).not.to.include(name);
      for (const key of Object.keys(attributes)) expect(key).not.to.match(/^(on.*|style|srcset)$/);
      if (name === 'link') expect(attributes['href']).to.match(/^\/sub\/assets\//);
      if ('src' in attributes) expect(attributes['src']).to.match(/^\/sub\/assets\//);
    }
  });
}

function checkAccessibility(html: string): void {
  it('has a language, one h1, one main, a title and unique ids', () => {
    const tags = readTags(html).filter((tag) => !tag.closing);
    const count = (name: string): number => tags.filter((tag) => tag.name === name).length;
    expect(html).to.match(/^<!doctype html>\n<html lang="en">/);
    expect([count('h1'), count('main'), count('title')]).to.deep.equal([1, 1, 1]);
    expect(html).to.match(/<title>[^<]+ · Auth Service<\/title>/);
    const ids = tags.flatMap((tag) => tag.attributes['id'] ?? []);
    expect(ids).to.deep.equal([...new Set(ids)]);
    for (const { name, attributes } of tags)
      if (name === 'img') expect(attributes).to.have.property('alt');
  });

  it('refers only to ids that are there', () => {
    const tags = readTags(html);
    const ids = tags.flatMap((tag) => tag.attributes['id'] ?? []);
    const referred = tags.flatMap(({ attributes }) => [
      ...(attributes['aria-describedby'] ?? '').split(' '),
      ...(attributes['aria-labelledby'] ?? '').split(' '),
      attributes['for'] ?? '',
      attributes['href']?.startsWith('#') ? attributes['href'].slice(1) : '',
    ]);
    expect(ids).to.include.members(referred.filter((id) => id !== ''));
  });

  it('labels every input and tells password managers what it is', () => {
    const tags = readTags(html);
    const labelled = tags.flatMap((tag) => tag.attributes['for'] ?? []);
    for (const { name, attributes } of tags) {
      if (name !== 'input' || attributes['type'] === 'hidden') continue;
      expect(labelled).to.include(attributes['id']);
      if (attributes['type'] === 'checkbox') continue;
      expect(attributes['autocomplete']).to.match(
        /^(username|current-password|new-password|name)$/,
      );
    }
    expect(tags.filter((tag) => 'autofocus' in tag.attributes).length).to.be.at.most(1);
  });
}

function checkForms(html: string, locals: Locals): void {
  it('posts the CSRF token with every form', () => {
    const forms = readForms(readTags(html));
    expect(forms.length > 0).to.equal('action' in locals);
    const [name, value] = 'xsrf' in locals ? ['xsrf', locals['xsrf']] : ['_csrf', locals['csrf']];
    for (const { attributes, tags } of forms) {
      expect(attributes['method']).to.equal('post');
      const hidden = tags.filter((tag) => tag.attributes['type'] === 'hidden');
      expect(hidden.map((tag) => tag.attributes)).to.deep.equal([{ type: 'hidden', name, value }]);
      expect(tags.some((tag) => tag.attributes['type'] === 'submit')).to.equal(true);
    }
    const targets = readTags(html).flatMap(
      ({ attributes }) => attributes['formaction'] ?? attributes['action'] ?? [],
    );
    const actions = Object.entries(locals).filter(([key]) => /action$/i.test(key));
    // Two forms of one page may go to the same place.
    expect([...new Set(targets)]).to.have.members(actions.map(([, target]) => target));
  });
}

describe('single views', () => {
  const sample = (name: string, changes: Locals = {}): string =>
    render(viewOf(name), { ...viewSamples[name], ...changes });
  const input = (html: string, id: string): Readonly<Record<string, string>> | undefined =>
    readTags(html).find((tag) => tag.name === 'input' && tag.attributes['id'] === id)?.attributes;

  it('sign-in ties its error to both fields and says so in the title', () => {
    const html = sample('sign-in/sign-in#error');
    expect(html).to.include('<title>Error: Sign in').and.include('role="alert"');
    expect(input(html, 'email')).to.include({
      'aria-describedby': 'problems',
      value: 'ana@example.com',
    });
    expect(input(html, 'password')).to.include({ 'aria-describedby': 'problems', autofocus: '' });
  });

  it('sign-in fixes the e-mail when it reauthenticates', () => {
    expect(input(sample('sign-in/sign-in#reauthenticate'), 'email')).to.have.property('readonly');
    expect(input(sample('sign-in/sign-in'), 'email')).not.to.have.property('readonly');
  });

  it('register marks the fields at fault, focuses the first and links to each', () => {
    const html = sample('sign-in/register#errors', { errors: { email: 'No.', password: 'No!' } });
    expect(input(html, 'email')).to.include({ 'aria-invalid': 'true', autofocus: '' });
    expect(input(html, 'password')).to.include({
      'aria-invalid': 'true',
      'aria-describedby': 'password-hint password-error',
      minlength: '12',
    });
    expect(input(html, 'name')).not.to.have.property('aria-invalid');
    expect(html).to.include('<a href="#email">No.</a>').and.include('<a href="#password">No!</a>');
  });

  it('consent shows who, what and where to', () => {
    const html = sample('consent/consent');
    for (const text of ['Acme Shop', 'ana@example.com', 'shop.example.com', 'Stay connected']) {
      expect(html).to.include(text);
    }
    expect(html).to.include('formaction="/interaction/uid/abort">Deny');
  });

  it('makes no link of a script, a data URL or another origin in disguise', () => {
    for (const uri of [
      'javascript:alert(1)',
      ' javascript:alert(1)',
      'data:text/html,x',
      '//evil',
      '/\\evil',
    ]) {
      const client = { name: 'Acme', redirectHost: 'acme.example', uri };
      for (const html of [
        sample('consent/consent', { client }),
        sample('error', { backUrl: uri }),
      ]) {
        const hrefs = readTags(html).flatMap((tag) => tag.attributes['href'] ?? []);
        expect(hrefs).to.deep.equal(['/sub/assets/style.css', '/sub/assets/icon.svg']);
      }
    }
    expect(sample('error', { backUrl: '/account' })).to.include('href="/account"');
  });

  it('sign-out says logout=yes only when told to', () => {
    const buttons = readTags(sample('sessions/sign-out')).filter(
      (tag) => tag.name === 'button' && !tag.closing,
    );
    expect(
      buttons.map(({ attributes }) => [attributes['name'], attributes['value']]),
    ).to.deep.equal([
      [undefined, undefined],
      ['logout', 'yes'],
    ]);
  });
});
