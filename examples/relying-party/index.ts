/** Starts the application: `ISSUER=… CLIENT_ID=… CLIENT_SECRET=… node index.ts`. */
import { createApp } from './app.ts';
import { readSettings } from './settings.ts';

const settings = readSettings(process.env);

createApp({ settings, now: Date.now, log: console.error }).listen(settings.port, '127.0.0.1', () =>
  console.log(`relying-party listens on ${settings.baseUrl.href}`),
);
