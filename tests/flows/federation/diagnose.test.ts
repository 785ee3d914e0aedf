import { expect } from 'chai';
import { diagnoseProviders } from '../../../src/plugins/federation/diagnose.ts';
import { createOpenIdProvider } from '../../../src/plugins/federation/openid-provider.ts';
import { createUpstreamFetch } from '../../../src/plugins/federation/upstream-fetch.ts';
import { systemClock, systemRandom } from '../../../src/system.ts';
import { freePort } from '../../support/free-port.ts';
import { outgoingOf } from '../../support/outgoing.ts';
import { startUpstream, UPSTREAM_CLIENT, type Upstream } from '../../support/upstream.ts';

const PUBLIC_URL = new URL('https://auth.example.com/sub');
const CALLBACK = 'https://auth.example.com/sub/oauth2/acme/callback';

describe('diagnosis of providers', () => {
  let upstream: Upstream;
  before(async () => {
    upstream = await startUpstream();
    upstream.open({ redirectUris: [CALLBACK] });
  });
  after(() => upstream.close());

  const diagnose = async (
    changed: { issuer?: string; clientId?: string; publicUrl?: URL } = {},
  ) => {
    const fetch = createUpstreamFetch(outgoingOf('http://localhost'), () => []);
    const provider = createOpenIdProvider({
      id: 'acme',
      label: 'Acme',
      issuer: changed.issuer ?? upstream.issuer,
      clientId: changed.clientId ?? UPSTREAM_CLIENT.id,
      clientSecret: UPSTREAM_CLIENT.secret,
      scope: 'openid email profile',
      ...{ fetch, clock: systemClock },
      identify: () => ({
        email: undefined,
        emailVerified: false,
        name: undefined,
        locale: undefined,
      }),
    });
    const findings = await diagnoseProviders({
      providers: { enabled: () => [provider] },
      publicUrl: changed.publicUrl ?? PUBLIC_URL,
      random: systemRandom,
      fetch,
    }).check();
    return findings.map(({ severity, problem, fix }) => `${severity}: ${problem} ${fix}`);
  };

  it('finds nothing wrong with one that knows us, and nobody is asked to sign in', async () => {
    expect(await diagnose()).to.deep.equal([]);
    expect(upstream.requests.at(-1)?.get('prompt')).to.equal('none');
  });

  it('finds a redirect URI, or a client, that the provider does not know', async () => {
    const elsewhere = await diagnose({ publicUrl: new URL('https://other.example.com') });
    expect(elsewhere).to.deep.equal([
      'broken: Acme takes neither our redirect URI nor our client for known. Register exactly https://other.example.com/oauth2/acme/callback as redirect URI at Acme, and compare the client id.',
    ]);
    expect(await diagnose({ clientId: 'somebody-else' })).to.have.length(1);
  });

  it('finds a provider that cannot be reached', async () => {
    const [finding] = await diagnose({ issuer: `http://127.0.0.1:${await freePort()}` });
    expect(finding).to.match(/^broken: Acme cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:/);
  });
});
