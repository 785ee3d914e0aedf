import { z } from 'zod';
import { type Command, CommandError, type CommandIo } from '../../kernel/plugin.ts';
import { Clients, type NewClient } from './contract.ts';
import { printClient, printJson } from './print-client.ts';
import { describeTokens, summarizeTokens } from './token-summary.ts';

const optionsSchema = z.object({
  name: z.string('--name is needed'),
  redirectUri: z.array(z.string()).optional(),
  postLogoutRedirectUri: z.array(z.string()).optional(),
  backchannelLogoutUri: z.string().optional(),
  allowScope: z.array(z.string()).optional(),
  grant: z.array(z.string()).optional(),
  authMethod: z.string().optional(),
  idTokenAlg: z.string().optional(),
  firstParty: z.boolean().optional(),
  api: z.boolean().optional(),
  public: z.boolean().optional(),
  native: z.boolean().optional(),
  jwksStdin: z.boolean().optional(),
  json: z.boolean().optional(),
});

type Options = z.output<typeof optionsSchema>;

export const createCommand: Command = {
  name: 'client create',
  summary: 'register an OAuth client; its secret is shown this once',
  options: [
    { flags: '--name <name>', summary: 'the name that people see' },
    {
      flags: '--redirect-uri <uri>',
      summary: 'where codes may be sent (repeatable)',
      repeatable: true,
    },
    {
      flags: '--post-logout-redirect-uri <uri>',
      summary: 'where to go after logout (repeatable)',
      repeatable: true,
    },
    { flags: '--backchannel-logout-uri <uri>', summary: 'where logout tokens are sent' },
    {
      flags: '--first-party',
      summary: 'one of ours: consent is not asked, its tokens are for your API and say roles',
    },
    {
      flags: '--api',
      summary: 'grant it your API (API_AUDIENCE): if people allow it, its tokens say their roles',
    },
    {
      flags: '--allow-scope <scope>',
      summary: 'may ask for this scope too, e.g. account (repeatable)',
      repeatable: true,
    },
    {
      flags: '--grant <type>',
      summary: 'grant type; default authorization_code and refresh_token (repeatable)',
      repeatable: true,
    },
    { flags: '--public', summary: 'without a secret: single-page, mobile and desktop apps' },
    { flags: '--native', summary: 'a mobile or desktop app (RFC 8252)' },
    {
      flags: '--auth-method <method>',
      summary: 'client_secret_basic (default), client_secret_post, private_key_jwt or none',
    },
    { flags: '--jwks-stdin', summary: 'read the JWK Set for private_key_jwt from standard input' },
    { flags: '--id-token-alg <alg>', summary: 'RS256 (default) or ES256' },
    { flags: '--json', summary: 'print JSON' },
  ],
  async run({ options, io, use }) {
    const parsed = optionsSchema.safeParse(options);
    if (!parsed.success) throw new CommandError(parsed.error.issues[0]?.message ?? 'Bad options');
    const service = use(Clients);
    const newClient = await toNewClient(parsed.data, io, service.resources.api);
    const { client, client_secret } = await service.create(newClient);
    const { client_id, ...metadata } = client;
    const shown = { client_id, ...(client_secret && { client_secret }), ...metadata };
    if (parsed.data.json) {
      return printJson(io, { ...shown, ...summarizeTokens(client, service.resources) });
    }
    printClient(io, shown);
    io.note(describeTokens(client, service.resources));
    if (client_secret) io.note('Keep the secret now: it is not shown again.');
  },
};

async function toNewClient(options: Options, io: CommandIo, api: string): Promise<NewClient> {
  const { authMethod } = options;
  if (options.public && authMethod !== undefined && authMethod !== 'none') {
    throw new CommandError(`--public does not go with --auth-method ${authMethod}`);
  }
  const client: { [Name in keyof NewClient]: NewClient[Name] | undefined } = {
    client_name: options.name,
    redirect_uris: options.redirectUri,
    post_logout_redirect_uris: options.postLogoutRedirectUri,
    backchannel_logout_uri: options.backchannelLogoutUri,
    first_party: options.firstParty,
    allowed_scopes: options.allowScope,
    allowed_resources: options.api ? [api] : undefined,
    grant_types: options.grant,
    token_endpoint_auth_method: options.public ? 'none' : authMethod,
    application_type: options.native ? 'native' : undefined,
    id_token_signed_response_alg: options.idTokenAlg,
    jwks: options.jwksStdin ? await readJwks(io) : undefined,
  };
  const given = Object.entries(client).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as NewClient;
}

async function readJwks(io: CommandIo): Promise<{ keys: object[] }> {
  const text = await io.readStdin();
  try {
    return z.object({ keys: z.array(z.looseObject({})) }).parse(JSON.parse(text));
  } catch (cause) {
    throw new CommandError('Standard input is no JWK Set: {"keys": […]}', { cause });
  }
}
