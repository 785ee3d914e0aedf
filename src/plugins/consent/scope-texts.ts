/** A scope as the consent page shows it. */
export interface ScopeText {
  readonly name: string;
  readonly title: string;
  readonly description?: string;
}

const TEXTS: ReadonlyMap<string, Omit<ScopeText, 'name'>> = new Map([
  ['openid', { title: 'Know who you are', description: 'An identifier of your account.' }],
  ['profile', { title: 'See your profile', description: 'Your name and language.' }],
  ['email', { title: 'See your e-mail address', description: 'And whether it is verified.' }],
  [
    'offline_access',
    {
      title: 'Stay connected',
      description: 'Keep this access while you are away, until you withdraw it.',
    },
  ],
  ['roles', { title: 'See your roles', description: 'Which roles you have been given.' }],
  [
    'account',
    {
      title: 'See your account and change your profile',
      description:
        'Change your name and language. See your devices and past sign-ins with their network addresses, your connected accounts, and the applications you allowed.',
    },
  ],
  [
    'admin',
    {
      title: 'Administer this service',
      description:
        'If you are an administrator: see all users; disable, enable and delete accounts of others; create and delete roles, give and take them.',
    },
  ],
]);

/** The operator's API, whose tokens say the roles of the user. */
export const describeApi = (audience: string, title: string): ScopeText => ({
  name: audience,
  title: `Use ${title} for you`,
  description: 'With the roles you have there. What it may do is up to that service.',
});

/** Scopes that are not ours are shown by their names. */
export const describeScope = (name: string): ScopeText => ({
  name,
  ...(TEXTS.get(name) ?? { title: name }),
});
