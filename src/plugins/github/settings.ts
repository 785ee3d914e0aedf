import { z } from 'zod';
import { bothOrNone, upstreamUrl } from '../federation/contract.ts';

export const settings = z
  .object({
    GITHUB_CLIENT_ID: z
      .string()
      .optional()
      .describe(
        'Client ID of a GitHub OAuth app; with the secret it switches “Continue with GitHub” on.',
      ),
    GITHUB_CLIENT_SECRET: z
      .string()
      .optional()
      .meta({ secret: true })
      .describe('Client secret of the GitHub OAuth app.'),
    GITHUB_URL: upstreamUrl
      .default('https://github.com')
      .describe('GitHub, or a GitHub Enterprise Server, whose API is at /api/v3.'),
  })
  .superRefine(bothOrNone('GITHUB_CLIENT_ID', 'GITHUB_CLIENT_SECRET'));
