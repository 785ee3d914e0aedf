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
  [
    'account',
    {
      title: 'Manage your account',
      description: 'Change your profile, password and e-mail address, and end your sessions.',
    },
  ],
  [
    'admin',
    { title: 'Administer this service', description: 'Use your rights over users and roles.' },
  ],
]);

/** Scopes that are not ours are shown by their names. */
export const describeScope = (name: string): ScopeText => ({
  name,
  ...(TEXTS.get(name) ?? { title: name }),
});
