/** What the issuer's own address shows: people follow it from logs and mails, and start no sign-in there. */
import { access, type Page } from '../../kernel/route.ts';

/** `base`: path of PUBLIC_URL, '' or `/sub`. */
export const createHomePage = (base: string): Page => ({
  method: 'get',
  path: '/',
  access: access.public,
  handle: async () => ({
    view: 'sign-in/home',
    locals: {
      discoveryUrl: `${base}/.well-known/openid-configuration`,
      docsUrl: `${base}/auth/doc`,
    },
  }),
});
