import { broken, type Diagnosis, type Finding, warning } from '../../kernel/plugin.ts';
import type { ClientService } from './contract.ts';
import type { ClientModel, ClientRow } from './model.ts';

/** Clients of which nobody has said whether they may use the operator's API, and grants of an API that is no more. */
export const diagnoseResources = (
  clients: Pick<ClientModel, 'list'>,
  { own, api }: ClientService['resources'],
): Diagnosis => ({
  name: 'client_resources',
  async check() {
    const rows = await clients.list();
    return [
      ...(api === own ? [sameAudience] : []),
      ...rows.filter(isUndecided).map((row) => undecided(row, api)),
      ...rows.flatMap((row) => strangeResources(row, api)),
    ];
  },
});

const sameAudience = broken(
  'API_AUDIENCE is PUBLIC_URL: every access token names that, also the tokens of third parties that may not use your API.',
  'Set API_AUDIENCE to an identifier of the API itself, and have the API check for it.',
);

const isUndecided = (row: ClientRow): boolean => !row.first_party && row.allowed_resources === null;

const quote = ({ name, id }: ClientRow): string => `"${name}" (${id})`;

const undecided = (row: ClientRow, api: string): Finding =>
  warning(
    `The client ${quote(row)} is older than grants of the API ${api}, which every client could use: its tokens no longer name it nor any roles.`,
    `If it is to use the API: authsrv client update ${row.id} --api. If not: authsrv client update ${row.id} --no-api.`,
  );

const strangeResources = (row: ClientRow, api: string): readonly Finding[] =>
  (row.allowed_resources ?? [])
    .filter((resource) => resource !== api)
    .map((resource) =>
      warning(
        `The client ${quote(row)} was granted ${resource}, which is not API_AUDIENCE: it gets no tokens for that.`,
        `If it is to use ${api}: authsrv client update ${row.id} --api. If not: authsrv client update ${row.id} --no-api.`,
      ),
    );
