import { z } from 'zod';
import { bothOrNone, upstreamUrl } from '../federation/contract.ts';

export const settings = z
  .object({
    GOOGLE_CLIENT_ID: z
      .string()
      .optional()
      .describe(
        'Client ID of Google’s console; with the secret it switches “Continue with Google” on.',
      ),
    GOOGLE_CLIENT_SECRET: z
      .string()
      .optional()
      .meta({ secret: true })
      .describe('Client secret of Google’s console.'),
    GOOGLE_ISSUER: upstreamUrl
      .default('https://accounts.google.com')
      .describe('Issuer of Google’s ID tokens; another one is for tests.'),
    GOOGLE_HOSTED_DOMAIN: z
      .string()
      .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, { error: 'must be a domain such as example.com' })
      .optional()
      .describe('Admits Google accounts of this Workspace domain only.'),
  })
  .superRefine(bothOrNone('GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'));
