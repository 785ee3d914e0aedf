import type { TestApp } from '../support/test-app.ts';

/** Path of PUBLIC_URL without a slash at its end: '' or `/sub`. */
export const basePath = ({ issuer }: Pick<TestApp, 'issuer'>): string =>
  new URL(issuer).pathname.replace(/\/$/, '');
