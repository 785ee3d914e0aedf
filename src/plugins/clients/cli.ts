import { type Command, CommandError } from '../../kernel/plugin.ts';
import { Clients } from './contract.ts';
import { createCommand } from './create-command.ts';
import { printClient, printJson } from './print-client.ts';
import { problems } from './problems.ts';
import { describeTokens, summarizeTokens } from './token-summary.ts';

const CLIENT_ID = [{ name: '<client_id>', summary: 'the client' }];
const JSON_OPTION = [{ flags: '--json', summary: 'print JSON' }];

const listCommand: Command = {
  name: 'client list',
  summary: 'list the OAuth clients',
  options: JSON_OPTION,
  async run({ options, io, use }) {
    const clients = await use(Clients).list();
    if (options['json'] === true) return printJson(io, clients);
    if (clients.length === 0) io.note('There are no clients: `client create` registers one.');
    for (const { client_id, client_name, grant_types } of clients) {
      io.out([client_id, client_name, grant_types.join(' ')].join('  '));
    }
  },
};

const showCommand: Command = {
  name: 'client show',
  summary: 'show the metadata of a client',
  args: CLIENT_ID,
  options: JSON_OPTION,
  async run({ args: [clientId = ''], options, io, use }) {
    const client = await use(Clients).find(clientId);
    if (!client) throw problems.notFound();
    if (options['json'] === true) return printJson(io, client);
    printClient(io, client);
  },
};

const updateCommand: Command = {
  name: 'client update',
  summary: 'grant a client your API, or take it away; what it loses ends at once',
  args: CLIENT_ID,
  options: [
    { flags: '--api', summary: 'may use your API (API_AUDIENCE), if people allow it' },
    { flags: '--no-api', summary: 'may not, which also tells `doctor` that this is meant' },
    ...JSON_OPTION,
  ],
  async run({ args: [clientId = ''], options, io, record, use }) {
    const service = use(Clients);
    const { api } = service.resources;
    const isGranted = options['api'];
    if (typeof isGranted !== 'boolean') throw new CommandError('Say --api or --no-api.');
    const found = await service.find(clientId);
    if (!found) throw problems.notFound();
    if (found.first_party) throw new CommandError('A first-party client may use your API anyway.');
    const { client, before } = await service.setResources(clientId, isGranted ? [api] : []);
    record('client_resources_set', clientId, {
      from: before ?? null,
      to: client.allowed_resources,
    });
    if (options['json'] === true) {
      return printJson(io, { ...client, ...summarizeTokens(client, service.resources) });
    }
    io.note(describeTokens(client, service.resources));
  },
};

const rotateSecretCommand: Command = {
  name: 'client rotate-secret',
  summary: 'give a client a new secret; the old one is dead at once',
  args: CLIENT_ID,
  options: JSON_OPTION,
  async run({ args: [clientId = ''], options, io, use }) {
    const client_secret = await use(Clients).rotateSecret(clientId);
    if (options['json'] === true) {
      return printJson(io, { client_id: clientId, client_secret });
    }
    io.out(client_secret);
    io.note('Keep the secret now: it is not shown again.');
  },
};

const deleteCommand: Command = {
  name: 'client delete',
  summary:
    'delete a client, with the consents and grants that people gave it; one that was cut off is finished by the next',
  args: CLIENT_ID,
  async run({ args: [clientId = ''], io, use }) {
    await use(Clients).delete(clientId);
    io.note('The client and all its grants are gone.');
  },
};

export const clientCommands: readonly Command[] = [
  createCommand,
  listCommand,
  showCommand,
  updateCommand,
  rotateSecretCommand,
  deleteCommand,
];
