import { z } from 'zod';

const provider = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/);

export const ProviderId = z.strictObject({ provider });

export const LinkRequest = z.strictObject({
  /** A path of this server or a URL of an allowed origin. */
  return_to: z.string().max(2000).optional(),
});

/** What a link to `/oauth2/:provider/authorize` may carry. */
export const LeaveQuery = z.object({
  /** A path of this server or a URL of an allowed origin. */
  return_to: z.string().max(2000).optional(),
  /** The person must prove again at the provider who they are: what renews `auth_time`. */
  prompt: z.literal('login').optional(),
});

/** What a provider answers with (RFC 6749 §4.1.2). */
export const CallbackQuery = z.object({
  state: z.string(),
  code: z.string().optional(),
  error: z.string().optional(),
  iss: z.string().optional(),
});

export const LinkStarted = z
  .object({
    /** Where the browser must be sent, with the cookie that came with this answer. */
    authorization_url: z.url(),
  })
  .meta({ id: 'LinkStarted' });

export const ProviderList = z
  .object({
    providers: z.array(z.object({ id: z.string(), label: z.string(), authorize_url: z.url() })),
  })
  .meta({ id: 'ProviderList' });

export const IdentityList = z
  .object({
    identities: z.array(
      z.object({
        provider: z.string(),
        label: z.string(),
        email: z.string().nullable(),
        linked_at: z.iso.datetime(),
        last_used_at: z.iso.datetime(),
        has_tokens: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'IdentityList' });
