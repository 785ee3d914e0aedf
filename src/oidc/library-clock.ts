/**
 * Seconds since 1970, by this machine's clock: oidc-provider knows no other (`lib/helpers/epoch_time.js`), so what it compares
 * is measured by the same. Everything else has the clock that all nodes agree on, as an argument.
 */
export const libraryTime = (): number => Math.floor(Date.now() / 1000);
