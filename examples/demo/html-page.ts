/** A page as far as a person without JavaScript can use it: text, links, forms. */

type Attributes = Readonly<Record<string, string>>;

export interface Button {
  readonly text: string;
  readonly attributes: Attributes;
}

export interface Form {
  readonly attributes: Attributes;
  readonly inputs: readonly Attributes[];
  readonly buttons: readonly Button[];
}

export interface Link {
  readonly text: string;
  readonly href: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };

const decode = (text: string): string =>
  text.replace(/&(?:#x([\da-f]+)|#(\d+)|([a-z]+));/gi, (all, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    return decimal ? String.fromCodePoint(Number(decimal)) : (ENTITIES[name] ?? all);
  });

/** What stands on the page, tags taken out, white space made one blank. */
export const textOf = (html: string): string =>
  decode(html.replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim();

function attributesOf(tag: string): Attributes {
  const found = tag.matchAll(/([a-z][a-z-]*)(?:="([^"]*)")?/gi);
  return Object.fromEntries([...found].map(([, name = '', value = '']) => [name, decode(value)]));
}

const elements = (html: string, name: string) =>
  [...html.matchAll(new RegExp(`<${name}\\b([^>]*)>([\\s\\S]*?)</${name}>`, 'g'))].map(
    ([, tag = '', content = '']) => ({ attributes: attributesOf(tag), content }),
  );

export const formsOf = (html: string): Form[] =>
  elements(html, 'form').map(({ attributes, content }) => ({
    attributes,
    inputs: [...content.matchAll(/<input\b([^>]*)>/g)].map(([, tag = '']) => attributesOf(tag)),
    buttons: elements(content, 'button').map((button) => ({
      attributes: button.attributes,
      text: textOf(button.content),
    })),
  }));

export const linksOf = (html: string): Link[] =>
  elements(html, 'a').map(({ attributes, content }) => ({
    text: textOf(content),
    href: attributes['href'] ?? '',
  }));

/** The rows of a table, by the text of their first cell. */
export const tableOf = (html: string, id: string): Readonly<Record<string, readonly string[]>> => {
  const table = elements(html, 'table').find(({ attributes }) => attributes['id'] === id);
  const rows = elements(table?.content ?? '', 'tr').map(({ content }) =>
    [...content.matchAll(/<t[hd]\b[^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell = '']) =>
      textOf(cell),
    ),
  );
  return Object.fromEntries(rows.map(([name = '', ...cells]) => [name, cells]));
};
