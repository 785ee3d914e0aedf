import { basePolicy } from '../security-headers.ts';

/** The pages' own script and the viewer run from this origin alone, and the viewer calls this API. */
export const DOC_POLICY = [...basePolicy, "connect-src 'self'", "form-action 'none'"].join('; ');

export interface DocPage {
  readonly part: string;
  /** All parts, in the order of the navigation. */
  readonly parts: readonly string[];
  /** Path of PUBLIC_URL: '' or `/sub`. */
  readonly base: string;
  /** False where development dependencies were left out and nothing was built. */
  readonly hasViewer: boolean;
}

/** Parts are first segments of routes, which are ours or a plugin's: nothing in here comes from a request. */
const link = ({ base, part }: DocPage, to: string): string =>
  `<a href="${base}/${to}/doc"${to === part ? ' aria-current="page"' : ''}>/${to}</a>`;

const viewer = (assets: string): string => `
  <link rel="stylesheet" href="${assets}/swagger-ui/swagger-ui.css">
  <script src="${assets}/swagger-ui/swagger-ui-bundle.js" defer></script>
  <script src="${assets}/api-docs.js" defer></script>`;

/** A page that shows one part of the document in Swagger UI. */
export function docPage(page: DocPage): string {
  const { base, part, parts, hasViewer } = page;
  const assets = `${base}/assets`;
  const source = `${base}/${part}/openapi.json`;
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="robots" content="noindex">
  <title>/${part} · API of Auth Service</title>
  <link rel="icon" type="image/svg+xml" href="${assets}/icon.svg">${hasViewer ? viewer(assets) : ''}
  <link rel="stylesheet" href="${assets}/api-docs.css">
</head>
<body>
  <header class="docs-header">
    <img src="${assets}/icon.svg" alt="" width="28" height="28">
    <span class="docs-title">API of Auth Service</span>
    <nav aria-label="Parts of the API">${parts.map((to) => link(page, to)).join('\n      ')}</nav>
    <a class="docs-source" href="${source}">openapi.json</a>
  </header>
  <main id="document" data-source="${source}">
    <p class="docs-note">${hasViewer ? 'This page needs JavaScript.' : 'The viewer is not installed here.'} The document itself is at <a href="${source}">${source}</a>.</p>
  </main>
</body>
</html>
`;
}
