/** `/mail`: what would have been sent, for whoever sits at this machine; nobody else finds it. */
import { z } from 'zod';
import type { Page, PageInput } from '../../kernel/route.ts';
import { writeText } from './compose.ts';
import type { MailModel, MailRow } from './model.ts';
import { problems } from './problems.ts';

const MOST = 50;

interface Dependencies {
  readonly mails: MailModel;
  readonly product: string;
  /** Path of PUBLIC_URL: '' or `/sub`. */
  readonly base: string;
}

export function createMailPages({ mails, product, base }: Dependencies): Page[] {
  const shown = (row: MailRow) => ({
    to: row.recipient,
    time: `${row.created_at.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    ...writeText({ template: row.template, locals: row.locals ?? {} }, product),
  });

  const captured = async ({ params, request }: PageInput): Promise<MailRow> => {
    const { success, data: id } = z.uuid().safeParse(params['id']);
    const row = success && request.isLocal() ? await mails.find(id) : undefined;
    if (row?.state !== 'captured' || !row.locals) throw problems.notFound();
    return row;
  };

  const access = { kind: 'public' } as const;
  return [
    {
      method: 'get',
      path: '/mail',
      access,
      async handle({ request }) {
        if (!request.isLocal()) throw problems.notFound();
        const rows = (await mails.list(['captured'], MOST)).filter(({ locals }) => locals);
        const list = rows.map((row) => ({ ...shown(row), url: `${base}/mail/${row.id}` }));
        return { view: 'mail/list', locals: { mails: list } };
      },
    },
    {
      method: 'get',
      path: '/mail/:id',
      access,
      async handle(input) {
        const { subject, paragraphs, to, time } = shown(await captured(input));
        const parts = paragraphs.map((one) => (typeof one === 'string' ? { text: one } : one));
        return {
          view: 'mail/mail',
          locals: { subject, to, time, paragraphs: parts, listUrl: `${base}/mail` },
        };
      },
    },
  ];
}
