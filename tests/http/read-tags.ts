/** Reads the tags of a page that is written as plainly as ours: lower case, double quotes, every `<` a tag. */

export interface Tag {
  readonly name: string;
  readonly closing: boolean;
  readonly attributes: Readonly<Record<string, string>>;
}

const TAG = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z][a-z-]*(?:="[^"]*")?)*)\s*>/g;
const ATTRIBUTE = /([a-z][a-z-]*)(?:="([^"]*)")?/g;

/** Throws when a `<` or `>` stands outside a tag: something was not escaped, or a tag is not well-formed. */
export function readTags(html: string): Tag[] {
  const text = html.replace(/^<!doctype html>/, '').replace(TAG, '');
  const stray = text.search(/[<>]/);
  if (stray >= 0) throw new Error(`Stray markup: ${text.slice(stray, stray + 80)}`);
  return [...html.matchAll(TAG)].map(([, slash, name = '', attributes = '']) => ({
    name,
    closing: slash === '/',
    attributes: Object.fromEntries(
      [...attributes.matchAll(ATTRIBUTE)].map(([, key = '', value = '']) => [key, value]),
    ),
  }));
}

export interface Form {
  readonly attributes: Readonly<Record<string, string>>;
  /** The tags between its start and its end. */
  readonly tags: readonly Tag[];
}

/** Throws when a form stands in another, which HTML forbids. */
export function readForms(tags: readonly Tag[]): Form[] {
  const forms: Form[] = [];
  let open: { attributes: Tag['attributes']; tags: Tag[] } | undefined;
  for (const tag of tags) {
    if (tag.name !== 'form') open?.tags.push(tag);
    else if (tag.closing) open = undefined;
    else if (open) throw new Error('A form stands in a form');
    else {
      open = { attributes: tag.attributes, tags: [] };
      forms.push(open);
    }
  }
  return forms;
}
