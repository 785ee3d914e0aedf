/** The links in mails. */
import { mailsTo } from './mailbox.ts';
import type { TestApp } from './test-app.ts';

/** Settings of an https app whose mails wait in the outbox: nothing listens there. On http they are captured anyway. */
export const OUTBOX_ONLY = { SMTP_URL: 'smtp://127.0.0.1:9' } as const;

const CODE = /\/l\/([\w-]{32})$/;

/** The code of the newest link that was mailed to this address. */
export async function codeMailedTo(app: TestApp, address: string): Promise<string> {
  const letters = await mailsTo(app, address);
  const code = letters.map(({ link = '' }) => CODE.exec(link)?.[1]).findLast(Boolean);
  if (code) return code;
  throw new Error(`no link was mailed to ${address}`);
}

/** The templates of all mails to this address, oldest first. */
export const templatesTo = async (app: TestApp, address: string): Promise<string[]> =>
  (await mailsTo(app, address)).map(({ template }) => template);
