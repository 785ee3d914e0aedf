/** The example application, for one test. */
import { createApp } from '../../examples/relying-party/app.ts';
import { readSettings } from '../../examples/relying-party/settings.ts';
import { CLIENT_ID } from './fake-issuer.ts';

export const BASE_URL = 'http://127.0.0.1:3001';

export type Listener = ReturnType<ReturnType<typeof createApp>['callback']>;

export const startRelyingParty = (issuer: string, log: (line: string) => void): Listener =>
  createApp({
    settings: readSettings({
      ISSUER: issuer,
      CLIENT_ID,
      CLIENT_SECRET: 'client-secret',
      BASE_URL,
      API_URL: issuer,
    }),
    now: Date.now,
    log,
  }).callback();
