/** A mail as people read it, out of a template and its locals. */
import type { Mail, MailTemplates } from './contract.ts';
import { type MailText, texts } from './texts.ts';

export interface Message {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export type Render = (view: string, locals: Record<string, unknown>) => string;

/** What a person chose must not begin a line, a paragraph or a header of its own. */
const onOneLine = (value: string | number): string | number =>
  typeof value === 'number' ? value : value.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();

/** Throws TypeError when there is no such template. */
export function writeText({ template, locals }: Omit<Mail, 'to'>, product: string): MailText {
  if (!Object.hasOwn(texts, template)) throw new TypeError(`There is no mail "${template}"`);
  const clean = Object.fromEntries(
    Object.entries(locals).map(([name, value]) => [name, onOneLine(value)]),
  );
  const write = texts[template as keyof MailTemplates] as (
    locals: object,
    product: string,
  ) => MailText;
  return write(clean, product);
}

/** Throws TypeError when there is no such template. */
export function createComposer({
  render,
  product,
}: {
  readonly render: Render;
  readonly product: string;
}) {
  return (mail: Omit<Mail, 'to'>): Message => {
    const { subject, paragraphs } = writeText(mail, product);
    const lines = paragraphs.map((one) => (typeof one === 'string' ? one : one.link));
    return {
      subject,
      text: `${[...lines, `– ${product}`].join('\n\n')}\n`,
      html: render('mail/message', {
        subject,
        product,
        paragraphs: paragraphs.map((one) => (typeof one === 'string' ? { text: one } : one)),
      }),
    };
  };
}

export type Compose = ReturnType<typeof createComposer>;
