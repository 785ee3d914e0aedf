/** Every hosted page with ordinary locals, named `<view>` or `<view>#<case>`. */

const client = { name: 'Acme Shop', redirectHost: 'shop.example.com' };
const csrf = 'c5rf-token';
const form = { action: '/interaction/uid/submit', csrf };

export type Locals = Record<string, unknown>;

export const viewSamples: Readonly<Record<string, Locals>> = {
  'sign-in/sign-in': {
    ...form,
    client,
    registerUrl: '/interaction/uid/register',
    cancelAction: '/interaction/uid/abort',
  },
  'sign-in/sign-in#plain': { ...form },
  'sign-in/sign-in#error': {
    ...form,
    client,
    email: 'ana@example.com',
    error: 'The e-mail or the password is not right.',
    registerUrl: '/interaction/uid/register',
    cancelAction: '/interaction/uid/abort',
  },
  'sign-in/sign-in#switch': {
    ...form,
    client: { name: 'Acme Shop' },
    switchFrom: 'ana@example.com',
    registerUrl: '/interaction/uid/register',
    cancelAction: '/interaction/uid/abort',
  },
  'sign-in/sign-in#reauthenticate': {
    ...form,
    client,
    email: 'ana@example.com',
    reauthenticate: true,
    cancelAction: '/interaction/uid/abort',
  },
  'sign-in/register': { ...form, client, signInUrl: '/interaction/uid', passwordMinLength: 12 },
  'sign-in/register#errors': {
    ...form,
    signInUrl: '/interaction/uid',
    passwordMinLength: 12,
    values: { email: 'ana@example', name: 'Ana' },
    errors: {
      form: 'We could not create the account.',
      name: 'That name is too long.',
      email: 'Enter a complete e-mail address.',
      password: 'This password is too common.',
    },
  },
  'sign-in/switch-account': { ...form, client, current: { email: 'ana@example.com' } },
  'sign-in/sign-in#forgot': { ...form, client, forgotUrl: '/auth/password/forgot' },
  'sign-in/check-mail': { email: 'ana@example.com', signInUrl: '/interaction/uid/other' },
  'sign-in/sign-in#providers': {
    ...form,
    client,
    providers: [
      { label: 'Google', href: '/interaction/uid/federation?provider=google' },
      { label: 'Acme Staff', href: '/interaction/uid/federation?provider=acme' },
    ],
    registerUrl: '/interaction/uid/register',
    cancelAction: '/interaction/uid/abort',
  },
  'federation/link': {
    ...form,
    label: 'Google',
    email: 'ana@example.com',
    needsPassword: true,
    forgotUrl: '/auth/password/forgot',
    backUrl: '/interaction/uid/other',
  },
  'federation/link#error': {
    ...form,
    label: 'Google',
    email: 'ana@example.com',
    needsPassword: true,
    error: 'The password is wrong.',
  },
  'federation/link#session': { ...form, label: 'Google', email: 'ana@example.com' },
  'federation/not-yet': {
    label: 'Google',
    email: 'ana@example.com',
    forgotUrl: '/auth/password/forgot',
    backUrl: '/interaction/uid/other',
  },
  'federation/signed-in': { email: 'ana@example.com' },
  'federation/connected': { label: 'Google' },
  'email-links/forgot': { ...form },
  'email-links/forgot#error': { ...form, email: 'ana', error: 'Enter one e-mail address.' },
  'email-links/verify': { ...form, email: 'ana@example.com' },
  'email-links/confirm': { ...form, purpose: 'verify-email', email: 'ana@example.com' },
  'email-links/confirm#change': { ...form, purpose: 'change-email', newEmail: 'ana@example.org' },
  'email-links/confirm#register': { ...form, purpose: 'register', newEmail: 'ana@example.org' },
  'email-links/new-password': { ...form, email: 'ana@example.com', passwordMinLength: 12 },
  'email-links/new-password#ways': {
    ...form,
    email: 'ana@example.com',
    passwordMinLength: 12,
    ways: [
      {
        field: 'remove_google',
        label: 'Google',
        detail: 'ana@gmail.example',
        since: '2026-11-23',
        isRemoved: true,
      },
      { field: 'remove_acme', label: 'Acme', detail: null, since: '2026-11-23', isRemoved: false },
    ],
  },
  'email-links/new-password#error': {
    ...form,
    email: 'ana@example.com',
    error: 'This password is too common.',
    passwordMinLength: 12,
  },
  'email-links/done': {
    heading: 'Check your mail',
    message: 'If there is an account, we sent it a link.',
  },
  'email-links/invalid': {},
  'consent/consent': {
    ...form,
    denyAction: '/interaction/uid/abort',
    switchAction: '/interaction/uid/switch',
    client: { ...client, uri: 'https://shop.example.com/about' },
    account: { email: 'ana@example.com' },
    scopes: [
      { name: 'openid', title: 'Know who you are', description: 'An identifier of your account.' },
      { name: 'email', title: 'See your e-mail address', description: 'And if it is verified.' },
      {
        name: 'offline_access',
        title: 'Stay connected',
        description: 'Keep this access while you are away, until you withdraw it.',
      },
    ],
  },
  'consent/consent#no-scopes': {
    ...form,
    denyAction: '/interaction/uid/abort',
    client,
    account: { email: 'ana@example.com' },
    scopes: [],
  },
  'sessions/sign-out': {
    action: '/oidc/session/end/confirm',
    xsrf: 'x5rf-token',
    client: { name: 'Acme Shop' },
    account: { email: 'ana@example.com' },
  },
  'sessions/sign-out#plain': { action: '/oidc/session/end/confirm', xsrf: 'x5rf-token' },
  'sessions/signed-out': { client: { name: 'Acme Shop' } },
  'sessions/signed-out#plain': {},
  'sessions/still-signed-in': {},
  error: {
    status: 400,
    heading: 'This request cannot be completed',
    message: 'The site that sent you here made a mistake. Go back to it and try again.',
    requestId: '6f1b7a52-3c0e-4f0e-9d0a-0b5c8f6f8d11',
    errorCode: 'invalid_redirect_uri',
    reason: 'redirect_uri did not match any of the registered redirect_uris',
    backUrl: 'https://shop.example.com/',
  },
  'error#plain': { status: 500, heading: 'Something went wrong', message: 'Please try again.' },
  'sign-in/home': { discoveryUrl: '/.well-known/openid-configuration', docsUrl: '/auth/doc' },
  'mail/list': {
    mails: [
      {
        subject: 'Confirm your address for localhost:3000',
        to: 'ana@example.com',
        time: '2026-11-23 08:00 UTC',
        url: '/mail/1',
      },
    ],
  },
  'mail/mail': {
    subject: 'Confirm your address for localhost:3000',
    to: 'ana@example.com',
    time: '2026-11-23 08:00 UTC',
    listUrl: '/mail',
    paragraphs: [
      { text: 'Hello Ana,' },
      { link: 'http://localhost:3000/l/abc', label: 'Confirm the address' },
    ],
  },
};
