import { expect } from 'chai';
import { PluginError } from '../../../src/kernel/plugin.ts';
import { provide } from '../../../src/kernel/service.ts';
import { emailLinks } from '../../../src/plugins/email-links/index.ts';
import { type MailService, Mails } from '../../../src/plugins/mail/contract.ts';
import { createPluginContext, untouched } from '../plugin-context.ts';

describe('set-up of email-links', () => {
  it('SEC-16 REGISTRATION=strict without mail does not start, and says what to set', () => {
    const mails = untouched<MailService>('mail', { enabled: false });
    const { context } = createPluginContext({ services: [provide(Mails, mails)] });
    const core = { ...context.core, registration: 'strict' } as const;
    expect(() => emailLinks.setup({ ...context, core })).to.throw(
      PluginError,
      /^REGISTRATION=strict .* set SMTP_URL/,
    );
  });
});
