import { z } from 'zod';
import { upstreamUrl } from '../federation/contract.ts';

/** Which claim each member of an identity comes from. The subject is always `sub`. */
const claims = z.strictObject({
  email: z.string().default('email'),
  email_verified: z.string().default('email_verified'),
  name: z.string().default('name'),
  locale: z.string().default('locale'),
});

const provider = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, {
    error: 'must be lower-case letters, digits and "-"',
  }),
  name: z.string().min(1).max(60),
  issuer: upstreamUrl,
  client_id: z.string().min(1),
  client_secret: z.string().min(1),
  scopes: z.string().default('openid email profile'),
  claims: claims.prefault({}),
  /** The operator vouches for every address of this provider, as of the own staff's directory. */
  trust_email: z.boolean().default(false),
});

export type ProviderSettings = z.output<typeof provider>;

const parseJson = (text: string, context: z.RefinementCtx): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a JSON array of providers' });
    return z.NEVER;
  }
};

export const settings = z.object({
  OIDC_PROVIDERS: z
    .string()
    .optional()
    .transform((text, context) => (text === undefined ? [] : parseJson(text, context)))
    .pipe(z.array(provider))
    .meta({ secret: true })
    .describe(
      'Further OpenID providers, a JSON array of {"id", "name", "issuer", "client_id", "client_secret"} and, optionally, "scopes", "claims", "trust_email" (docs/google.md).',
    ),
});
