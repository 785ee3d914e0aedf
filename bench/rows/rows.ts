import { bucket } from './bucket.ts';
import { bulk } from './bulk.ts';
import { documents } from './documents.ts';
import { login, storm } from './passwords.ts';
import { roles } from './roles.ts';
import type { Row } from './row.ts';
import { start } from './start.ts';
import { stores } from './stores.ts';
import { tokenCheck } from './token-check.ts';
import { clientCredentials, codeFlow, refresh } from './tokens.ts';
import { twoProcesses } from './two-processes.ts';

/** All, in the order in which they are measured. */
export const rows: readonly Row[] = [
  login,
  storm,
  refresh,
  clientCredentials,
  codeFlow,
  ...documents,
  tokenCheck,
  bucket,
  stores,
  twoProcesses,
  start,
  roles,
  ...bulk,
];
