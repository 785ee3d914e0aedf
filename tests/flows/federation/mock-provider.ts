/** A provider that can be told to misbehave, and a server of ours that trusts it as `mock`. */
import { OAuth2Server } from 'oauth2-mock-server';
import { startTestApp, type TestApp, type TestAppOptions } from '../../support/test-app.ts';

export interface Misbehaviour {
  /** Changes the claims of ID and access tokens before they are signed. */
  claims?: (payload: Record<string, unknown>) => void;
  /** … and their header. */
  header?: (header: Record<string, unknown>) => void;
  /** Changes the answer of the token endpoint. */
  tokens?: (body: Record<string, unknown>) => void;
  userinfo?: (body: Record<string, unknown>) => void;
  /** Changes the authorization response. */
  redirect?: (url: URL) => void;
}

export interface MockStage {
  readonly app: TestApp;
  readonly server: OAuth2Server;
  readonly issuer: string;
  /** Until it is set again. */
  misbehaviour: Misbehaviour;
  close(): Promise<void>;
}

export const mockSettings = (issuer: string, more: Record<string, unknown> = {}): string =>
  JSON.stringify([
    { id: 'mock', name: 'Mock', issuer, client_id: 'our-client', client_secret: 's', ...more },
  ]);

interface MockOptions extends TestAppOptions {
  /** Further members of the provider's settings. */
  readonly provider?: Record<string, unknown>;
}

type Body = Record<string, unknown>;

/** Claims of somebody nobody has seen before are added to every token, `misbehaviour` comes after. */
export async function startMockStage(options: MockOptions = {}): Promise<MockStage> {
  const server = new OAuth2Server();
  await server.issuer.keys.generate('RS256');
  await server.start(0, '127.0.0.1');
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.issuer.url = issuer;
  const settings = {
    OIDC_PROVIDERS: mockSettings(issuer, options.provider),
    ...options.settings,
  };
  const app = await startTestApp({ ...options, settings });
  const stage: MockStage = {
    ...{ app, server, issuer },
    misbehaviour: {},
    async close() {
      await server.stop().catch(() => undefined);
      await app.close();
    },
  };
  const { service } = server;
  service.on('beforeTokenSigning', (token: { payload: Body; header: Body }) => {
    token.payload['aud'] = 'our-client';
    stage.misbehaviour.claims?.(token.payload);
    stage.misbehaviour.header?.(token.header);
  });
  service.on('beforeResponse', ({ body }: { body: Body }) => stage.misbehaviour.tokens?.(body));
  service.on('beforeUserinfo', ({ body }: { body: Body }) => stage.misbehaviour.userinfo?.(body));
  service.on('beforeAuthorizeRedirect', ({ url }: { url: URL }) =>
    stage.misbehaviour.redirect?.(url),
  );
  return stage;
}
