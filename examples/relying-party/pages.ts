/** What people see. */
import type { Answer } from './call-api.ts';
import { type Html, html } from './html.ts';
import type { Session, SignedIn } from './sessions.ts';

/** The frame of every page. */
export function page(title: string, session: Session | undefined, content: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Example app</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header><a class="brand" href="/">Example app</a>${session?.user ? signedInMenu(session) : signedOutMenu}</header>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`.text;
}

const signedOutMenu = html`<nav><a href="/sign-in">Sign in</a></nav>`;

const signedInMenu = (session: Session): Html => html`<nav>
<a href="/profile">Profile</a>
<a href="/call-api">Call the API</a>
${form('/sign-out', 'Sign out', session)}
</nav>`;

const form = (action: string, button: string, { csrf }: Session): Html =>
  html`<form method="post" action="${action}"><input type="hidden" name="csrf" value="${csrf}"><button>${button}</button></form>`;

export const homePage = (user: SignedIn | undefined): Html =>
  user
    ? html`<p id="signed-in">You are signed in as <strong>${user.claims.sub}</strong>.</p>`
    : html`<p id="signed-out">You are not signed in.</p><p><a class="button" href="/sign-in">Sign in</a></p>`;

export const messagePage = (text: string): Html => html`<p id="message">${text}</p>`;

type Claims = Readonly<Record<string, unknown>>;

export const profilePage = (
  session: Session,
  user: SignedIn,
  userinfo: Claims | string,
): Html => html`
<h2>ID token</h2>
${claimsTable('id-token', user.claims)}
<h2>Userinfo</h2>
${typeof userinfo === 'string' ? html`<p id="userinfo">${userinfo}</p>` : claimsTable('userinfo', userinfo)}
<h2>Access token</h2>
<p>Expires at <time>${new Date(user.expiresAt).toISOString()}</time>.</p>
${form('/refresh', 'Refresh', session)}`;

const claimsTable = (id: string, claims: Claims): Html => html`<table id="${id}">
${Object.entries(claims).map(
  ([name, value]) =>
    html`<tr><th scope="row">${name}</th><td>${typeof value === 'string' ? value : JSON.stringify(value)}</td></tr>
`,
)}</table>`;

export const apiPage = (answers: readonly Answer[]): Html => html`<table id="answers">
${answers.map(
  ({ path, status, body }) =>
    html`<tr><th scope="row">GET ${path}</th><td>${status}</td><td><code>${body}</code></td></tr>
`,
)}</table>
<p>The API sees a role that was given a moment ago after the next refresh (on the profile page).</p>`;
