/** A redirect URI as people know it: `shop.example.com`, or the scheme of a native client. */
export function redirectHost(uri: string): string {
  const { host, protocol } = new URL(uri);
  return /^https?:$/.test(protocol) ? host : protocol.slice(0, -1);
}
