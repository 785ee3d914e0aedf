/** Where the browser goes after the answer, as a person and as a policy need it. */
interface RedirectTarget {
  /** Shown on the page: `shop.example.com`, or the scheme of a native client. */
  readonly host: string;
  /** A source for CSP `form-action`: Chromium applies it to the redirect after the form. */
  readonly formAction: string;
}

export function describeRedirectTarget(redirectUri: string): RedirectTarget {
  const { protocol, host, origin } = new URL(redirectUri);
  if (protocol !== 'https:' && protocol !== 'http:') {
    return { host: protocol.slice(0, -1), formAction: protocol };
  }
  // The grammar of CSP sources has no IPv6 addresses (CSP3 §2.3.1).
  return { host, formAction: host.startsWith('[') ? protocol : origin };
}
