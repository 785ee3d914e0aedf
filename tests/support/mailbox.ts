/** What an app's outbox holds, as people would read it. */
import { createComposer, type Message } from '../../src/plugins/mail/compose.ts';
import type { MailState } from '../../src/plugins/mail/contract.ts';
import { eventually } from './eventually.ts';
import type { TestApp } from './test-app.ts';

export interface Letter extends Message {
  readonly to: string;
  readonly template: string;
  readonly state: MailState;
  /** The address that it asks to open, if any. */
  readonly link: string | undefined;
}

interface Row {
  readonly recipient: string;
  readonly template: string;
  readonly locals: Readonly<Record<string, string | number>> | null;
  readonly state: MailState;
}

const ROWS = {
  name: 'test-mails',
  text: 'SELECT recipient, template, locals, state FROM mails WHERE recipient = $1 ORDER BY created_at, id',
};

const compose = createComposer({ render: () => '', product: 'example' });

/** Every mail to this address whose content is still there, oldest first. */
export async function mailsTo(app: TestApp, address: string): Promise<Letter[]> {
  const rows = await app.database.database.query<Row>(ROWS, [address]);
  return rows.map(({ recipient: to, template, locals, state }) => {
    const message = compose({ template, locals: locals ?? {} });
    const link = /^https?:\S+$/m.exec(message.text)?.[0];
    return { ...message, to, template, state, link };
  });
}

/** The newest mail to this address, or of this template; waits for it. */
export async function mailTo(app: TestApp, address: string, template?: string): Promise<Letter> {
  let found: Letter | undefined;
  await eventually(async () => {
    const all = await mailsTo(app, address);
    found = all.findLast((letter) => template === undefined || letter.template === template);
    if (!found) throw new Error(`no mail ${template ?? ''} to ${address}`);
  });
  return found as Letter;
}
