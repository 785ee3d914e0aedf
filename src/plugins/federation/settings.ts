import { z } from 'zod';

const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean),
  );

export const settings = z.object({
  FEDERATION_DISABLED: list.describe(
    'Providers that nobody may sign in with, comma-separated (google,github): also those who are on their way back.',
  ),
  FEDERATION_STORE_TOKENS: z
    .enum(['on', 'off'])
    .default('off')
    .describe(
      'Whether tokens of other providers are kept, encrypted, so that they can be revoked.',
    ),
});
