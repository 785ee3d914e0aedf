/** Stands for Google where the transcript is written: admits everybody at once, as one and the same person. */
import { OAuth2Server } from 'oauth2-mock-server';

const CLIENT_ID = 'our-client';

export interface StandIn {
  readonly issuer: string;
  /** Settings of a server of ours that takes it for Google. */
  readonly settings: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

type Payload = { readonly payload: Record<string, unknown> };

export async function startStandIn(): Promise<StandIn> {
  const server = new OAuth2Server();
  await server.issuer.keys.generate('RS256');
  await server.start(0, '127.0.0.1');
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.issuer.url = issuer;
  server.service.on('beforeTokenSigning', ({ payload }: Payload) => {
    const person = { sub: '1081', email: 'ada.l@gmail.example', email_verified: true };
    Object.assign(payload, person, { aud: CLIENT_ID });
  });
  return {
    issuer,
    settings: {
      GOOGLE_CLIENT_ID: CLIENT_ID,
      GOOGLE_CLIENT_SECRET: 'secret',
      GOOGLE_ISSUER: issuer,
      FEDERATION_STORE_TOKENS: 'on',
    },
    close: () => server.stop(),
  };
}
