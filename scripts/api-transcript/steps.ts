/** The calls that docs/api.md shows, in order. Variables of the shell are set by `keep` and stay set. */

export interface Step {
  /** What the reader learns. */
  readonly say: string;
  readonly run: string;
  /** Shell variables from the answer: the first group of each pattern. */
  readonly keep?: Readonly<Record<string, RegExp>>;
  /** The status that the transcript must show; commands have none. */
  readonly expect?: number;
  /** Repeated until the pattern is there: what happens in the background. */
  readonly until?: RegExp;
}

export interface Chapter {
  readonly title: string;
  readonly steps: readonly Step[];
}

const json = `-H 'Content-Type: application/json'`;

/** For the shell; a variable in it is to be replaced. */
const quoted = (text: string): string =>
  text.includes('$') ? `"${text.replaceAll('"', '\\"')}"` : `'${text}'`;

/** A call with a cookie jar of that name. */
const call = (jar: string, method: string, path: string, body?: object): string => {
  const verb = method === 'GET' ? '' : ` -X ${method}`;
  const data = body === undefined ? '' : ` \\\n    ${json} -d ${quoted(JSON.stringify(body))}`;
  return `curl -si -b ${jar} -c ${jar}${verb} "$AUTH${path}"${data}`;
};

const ADA = { email: 'ada@example.com', password: 'seven quiet otters paint' };
const ROOT = { email: 'root@example.com', password: 'eleven brave herons sing' };
const NEW_PASSWORD = 'nine loud ravens dive';
const ID = /"id":"([^"]+)"/;
/** The code of a mailed link. */
const CODE = /\/l\/([\w-]+)/;

/** Reads the newest mail at the page where a server without SMTP_URL keeps them. */
const readMail = `curl -s "$AUTH$(curl -s "$AUTH/mail" | grep -o '/mail/[0-9a-f-]*' | head -1)" | grep -o 'http[^"]*/l/[^"<]*' | head -1`;

/** What the person's browser does at the provider: here it is admitted at once. */
const atProvider = `curl -s -o /dev/null -w '%{redirect_url}\\n' "$THERE"`;

const CALLBACK = 'http://localhost:8080/callback';

export const chapters: readonly Chapter[] = [
  {
    title: 'An account',
    steps: [
      {
        say: 'Register',
        run: call('ada', 'POST', '/auth/register', { ...ADA, name: 'Ada' }),
        keep: { ADA: ID },
        expect: 201,
      },
      {
        say: 'The same address, spelled differently, is taken',
        run: call('ada', 'POST', '/auth/register', { ...ADA, email: ' Ada@EXAMPLE.com' }),
        expect: 409,
      },
      { say: 'Sign in', run: call('ada', 'POST', '/auth/login', ADA), expect: 200 },
      {
        say: 'Unknown, wrong and disabled get one answer',
        run: call('nobody', 'POST', '/auth/login', { ...ADA, password: 'something else' }),
        expect: 401,
      },
      { say: 'Who am I', run: call('ada', 'GET', '/auth/me'), expect: 200 },
      {
        say: 'Change the profile',
        run: call('ada', 'PATCH', '/auth/me', { locale: 'en-GB' }),
        expect: 200,
      },
      {
        say: 'A member that the API does not know is refused, and nothing changes',
        run: call('ada', 'PATCH', '/auth/me', { email_verified: true }),
        expect: 400,
      },
      { say: 'Renew the tokens', run: call('ada', 'POST', '/auth/refresh'), expect: 200 },
      {
        say: 'Prove once more who you are, for what needs it within 5 minutes',
        run: call('ada', 'POST', '/auth/reauthenticate', { password: ADA.password }),
        expect: 204,
      },
    ],
  },
  {
    title: 'Sessions and password',
    steps: [
      {
        say: 'A second device',
        run: call('phone', 'POST', '/auth/login', ADA),
        expect: 200,
      },
      {
        say: 'Where am I signed in',
        run: call('phone', 'GET', '/auth/sessions'),
        keep: { OTHER: /"id":"([\w-]+)"[^}]*"current":false/ },
        expect: 200,
      },
      {
        say: 'End one session',
        run: call('phone', 'DELETE', '/auth/sessions/$OTHER'),
        expect: 204,
      },
      { say: 'It has ended', run: call('ada', 'GET', '/auth/me'), expect: 401 },
      { say: 'Sign in again', run: call('ada', 'POST', '/auth/login', ADA), expect: 200 },
      {
        say: 'End all the others',
        run: call('ada', 'DELETE', '/auth/sessions'),
        expect: 204,
      },
      {
        say: 'Past sign-ins, newest first',
        run: call('ada', 'GET', '/auth/login-history?limit=2'),
        keep: { CURSOR: /"next_cursor":"([^"]+)"/ },
        expect: 200,
      },
      {
        say: 'The next page',
        run: call('ada', 'GET', '/auth/login-history?limit=2&cursor=$CURSOR'),
        expect: 200,
      },
      {
        say: 'Change the password: everything else ends, and this browser gets another session',
        run: call('ada', 'PUT', '/auth/password', {
          current_password: ADA.password,
          new_password: NEW_PASSWORD,
        }),
        expect: 204,
      },
    ],
  },
  {
    title: 'Mail',
    steps: [
      {
        say: 'Registration sent a link. Ask for another',
        run: call('ada', 'POST', '/auth/email/verify'),
        expect: 202,
      },
      {
        say: 'Without SMTP_URL mails stay on the machine, to be read at /mail',
        run: readMail,
        keep: { LINK: CODE },
      },
      {
        say: 'The link leads to a page; a front end may post its code instead',
        run: call('ada', 'POST', '/auth/email/confirm', { token: '$LINK' }),
        expect: 200,
      },
      {
        say: 'It works once',
        run: call('ada', 'POST', '/auth/email/confirm', { token: '$LINK' }),
        expect: 410,
      },
      {
        say: 'Change the address: a link goes to the new one, a notice to the old one, which stays until then',
        run: call('ada', 'PUT', '/auth/email', {
          email: 'ada@example.org',
          current_password: NEW_PASSWORD,
        }),
        expect: 202,
      },
      {
        say: 'Forgotten password: the same answer for every address',
        run: call('nobody', 'POST', '/auth/password/forgot', { email: ADA.email }),
        expect: 202,
      },
      { say: 'The link', run: readMail, keep: { LINK: CODE } },
      {
        say: 'A new password ends everything',
        run: call('nobody', 'POST', '/auth/password/reset', {
          token: '$LINK',
          new_password: 'five bright finches wade',
        }),
        expect: 204,
      },
      {
        say: 'Sign in with it',
        run: call('ada', 'POST', '/auth/login', { ...ADA, password: 'five bright finches wade' }),
        expect: 200,
      },
    ],
  },
  {
    title: 'Google and other providers',
    steps: [
      {
        say: 'Which there are',
        run: call('nobody', 'GET', '/oauth2/providers'),
        expect: 200,
      },
      {
        say: 'Connect an account, within 5 minutes of a sign-in',
        run: call('ada', 'POST', '/oauth2/google/link', { return_to: '/auth/me' }),
        keep: { THERE: /"authorization_url":"([^"]+)"/ },
        expect: 200,
      },
      {
        say: 'The browser goes there, and is sent back',
        run: atProvider,
        keep: { BACK: /(http\S+)/ },
      },
      {
        say: 'With what it brings, the accounts are connected',
        run: `curl -si -b ada -c ada "$BACK"`,
        expect: 303,
      },
      { say: 'What is connected', run: call('ada', 'GET', '/oauth2/identities'), expect: 200 },
      {
        say: 'From now on it signs in',
        run: call('tablet', 'GET', '/oauth2/google/authorize?return_to=/auth/me'),
        keep: { THERE: /^Location: (\S+)/m },
        expect: 303,
      },
      { say: 'There and back', run: atProvider, keep: { BACK: /(http\S+)/ } },
      {
        say: 'The same cookies as of `POST /auth/login`',
        run: `curl -si -b tablet -c tablet "$BACK"`,
        expect: 303,
      },
      { say: 'The same user', run: call('tablet', 'GET', '/auth/me'), expect: 200 },
      {
        say: 'Give the grant back to the provider (with FEDERATION_STORE_TOKENS=on)',
        run: call('tablet', 'POST', '/oauth2/google/revoke'),
        expect: 204,
      },
      {
        say: 'Disconnect',
        run: call('tablet', 'DELETE', '/oauth2/google/link'),
        expect: 204,
      },
    ],
  },
  {
    title: 'Roles',
    steps: [
      {
        say: 'The first superuser comes from the command line',
        run: `echo '${ROOT.password}' | npx authsrv create-superuser ${ROOT.email} --password-stdin`,
      },
      { say: 'Sign in', run: call('root', 'POST', '/auth/login', ROOT), expect: 200 },
      {
        say: 'Make a role',
        run: call('root', 'POST', '/roles', { name: 'editor', description: 'May edit' }),
        keep: { EDITOR: ID },
        expect: 201,
      },
      { say: 'All roles', run: call('root', 'GET', '/roles'), expect: 200 },
      { say: 'One role', run: call('root', 'GET', '/roles/$EDITOR'), expect: 200 },
      {
        say: 'Describe it',
        run: call('root', 'PATCH', '/roles/$EDITOR', { description: 'May edit articles' }),
        expect: 200,
      },
      {
        say: 'Give it to somebody; twice is the same as once',
        run: call('root', 'PUT', '/users/$ADA/roles/$EDITOR'),
        expect: 204,
      },
      {
        say: 'Who has what',
        run: call('root', 'GET', '/users/$ADA/roles'),
        expect: 200,
      },
      {
        say: 'Access tokens from before the change are refused at once',
        run: call('ada', 'GET', '/auth/me'),
        expect: 401,
      },
      {
        say: 'The next ones carry the role',
        run: call('ada', 'POST', '/auth/refresh'),
        expect: 200,
      },
      {
        say: 'Nobody but a superuser may ask',
        run: call('ada', 'GET', '/roles'),
        expect: 403,
      },
      {
        say: 'Take it away',
        run: call('root', 'DELETE', '/users/$ADA/roles/$EDITOR'),
        expect: 204,
      },
      { say: 'Delete the role', run: call('root', 'DELETE', '/roles/$EDITOR'), expect: 204 },
    ],
  },
  {
    title: 'Users',
    steps: [
      { say: 'Find somebody', run: call('root', 'GET', '/users?query=ada&limit=1'), expect: 200 },
      { say: 'One user', run: call('root', 'GET', '/users/$ADA'), expect: 200 },
      {
        say: 'Disable: signed out everywhere, and no sign-in',
        run: call('root', 'PATCH', '/users/$ADA', { disabled: true }),
        expect: 200,
      },
      { say: 'Ended', run: call('ada', 'GET', '/auth/me'), expect: 401 },
      {
        say: 'Enable again',
        run: call('root', 'PATCH', '/users/$ADA', { disabled: false }),
        expect: 200,
      },
      {
        say: 'Somebody else',
        run: call('bob', 'POST', '/auth/register', {
          email: 'bob@example.com',
          password: 'two grey geese glide',
        }),
        keep: { BOB: ID },
        expect: 201,
      },
      { say: 'Delete them', run: call('root', 'DELETE', '/users/$BOB'), expect: 204 },
      { say: 'Gone', run: call('root', 'GET', '/users/$BOB'), expect: 404 },
      {
        say: 'The last superuser stays',
        run: call('root', 'DELETE', '/auth/me'),
        expect: 409,
      },
    ],
  },
  {
    title: 'OpenID Connect',
    steps: [
      {
        say: 'Where everything is',
        run: `curl -s "$AUTH/.well-known/openid-configuration" | grep -o '"[a-z_]*\\(_endpoint\\|_uri\\)":"[^"]*"'`,
      },
      {
        say: 'The same for OAuth clients (RFC 8414)',
        run: `curl -s "$AUTH/.well-known/oauth-authorization-server" | grep -o '"issuer":"[^"]*"'`,
      },
      {
        say: 'The keys that tokens are verified with',
        run: `curl -s "$AUTH/.well-known/jwks.json" | grep -o '"alg":"[^"]*"' | sort`,
      },
      {
        say: 'A client; a first-party one is not asked about consent',
        run: `npx authsrv client create --name "Shop" --redirect-uri ${CALLBACK} --first-party --json`,
        keep: { SHOP: /"client_id": "([^"]+)"/, SECRET: /"client_secret": "([^"]+)"/ },
      },
      {
        say: 'Somebody is signed in',
        run: call('ada', 'POST', '/auth/login', { ...ADA, password: 'five bright finches wade' }),
        expect: 200,
      },
      {
        say: 'The client sends their browser (verifier and challenge are those of RFC 7636 appendix B)',
        run: `curl -si -b ada -c ada -G "$AUTH/oidc/authorize" -d client_id=$SHOP -d response_type=code \\
    -d redirect_uri=${CALLBACK} -d scope=openid+email -d state=af0ifjsldkj \\
    -d code_challenge=$CHALLENGE -d code_challenge_method=S256`,
        keep: { CODE: /^Location: \S*[?&]code=([\w-]+)/m },
        expect: 303,
      },
      {
        say: 'And redeems the code',
        run: `curl -si -u "$SHOP:$SECRET" "$AUTH/oidc/token" -d grant_type=authorization_code -d code=$CODE \\
    -d redirect_uri=${CALLBACK} -d code_verifier=$VERIFIER`,
        keep: { TOKEN: /"access_token":"([^"]+)"/ },
        expect: 200,
      },
      {
        say: 'Whose token is it',
        run: `curl -si -H "Authorization: Bearer $TOKEN" "$AUTH/oidc/userinfo"`,
        expect: 200,
      },
      {
        say: 'It opens nothing of our own API: the client was made without --allow-scope account',
        run: `curl -si -H "Authorization: Bearer $TOKEN" "$AUTH/auth/me"`,
        expect: 403,
      },
      {
        say: 'Is it still good',
        run: `curl -si -u "$SHOP:$SECRET" "$AUTH/oidc/introspect" -d token=$TOKEN`,
        expect: 200,
      },
      {
        say: 'No longer',
        run: `curl -si -u "$SHOP:$SECRET" "$AUTH/oidc/revoke" -d token=$TOKEN`,
        expect: 200,
      },
      {
        say: 'Refused',
        run: `curl -si -H "Authorization: Bearer $TOKEN" "$AUTH/oidc/userinfo"`,
        expect: 401,
      },
      {
        say: 'An authorization request can also be pushed',
        run: `curl -si -u "$SHOP:$SECRET" "$AUTH/oidc/par" -d client_id=$SHOP -d response_type=code \\
    -d redirect_uri=${CALLBACK} -d scope=openid -d code_challenge=$CHALLENGE -d code_challenge_method=S256`,
        expect: 201,
      },
      {
        say: 'What people have allowed applications: nothing here, as a first-party one asks nobody',
        run: call('ada', 'GET', '/auth/consents'),
        expect: 200,
      },
      {
        say: 'So there is nothing to withdraw',
        run: call('ada', 'DELETE', '/auth/consents/$SHOP'),
        expect: 404,
      },
      {
        say: 'Signing out asks first',
        run: `curl -s -b ada -c ada "$AUTH/oidc/logout" | grep -o '<h1>.*</h1>'`,
      },
    ],
  },
  {
    title: 'What an API follows',
    steps: [
      {
        say: 'A client for the API, with the scope for it',
        run: `npx authsrv client create --name "Orders API" --grant client_credentials --allow-scope revocations --json`,
        keep: { ID: /"client_id": "([^"]+)"/, SECRET: /"client_secret": "([^"]+)"/ },
      },
      {
        say: 'Its token',
        run: `curl -s -u "$ID:$SECRET" "$AUTH/oidc/token" -d grant_type=client_credentials -d scope=revocations`,
        keep: { TOKEN: /"access_token":"([^"]+)"/ },
      },
      {
        say: 'Sessions that end and roles that change, as they do; first those of the last ten minutes',
        run: `curl -sN --max-time 2 -H "Authorization: Bearer $TOKEN" "$AUTH/auth/revocations" | head -5`,
      },
    ],
  },
  {
    title: 'The end',
    steps: [
      {
        say: 'Sign in once more',
        run: call('ada', 'POST', '/auth/login', { ...ADA, password: 'five bright finches wade' }),
        expect: 200,
      },
      {
        say: 'Everything that is kept about me',
        run: `curl -s -OJ -b ada -c ada -w '%{http_code} %{filename_effective}\\n' "$AUTH/auth/me/export"`,
      },
      { say: 'Delete my account', run: call('ada', 'DELETE', '/auth/me'), expect: 204 },
      { say: 'Sign out', run: call('root', 'POST', '/auth/logout'), expect: 204 },
      { say: 'Again: nothing to do', run: call('root', 'POST', '/auth/logout'), expect: 204 },
    ],
  },
];
