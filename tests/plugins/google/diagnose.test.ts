import { expect } from 'chai';
import { diagnoseRedirectUri } from '../../../src/plugins/google/diagnose.ts';

describe('diagnosis of the redirect URI at Google', () => {
  const judge = (publicUrl: string) => diagnoseRedirectUri(new URL(publicUrl)).check();

  for (const url of [
    'https://auth.example.com',
    'http://localhost:3000',
    'http://127.0.0.1:3000/sub',
  ]) {
    it(`takes ${url}`, async () => {
      expect(await judge(url)).to.deep.equal([]);
    });
  }

  for (const url of [
    'https://192.0.2.7',
    'https://[2001:db8::1]',
    'https://auth.local',
    'https://intranet/sub',
  ]) {
    it(`finds ${url}`, async () => {
      const [finding] = await judge(url);
      expect(finding?.severity).to.equal('broken');
      expect(finding?.problem).to.contain(`${url}/oauth2/google/callback cannot be registered`);
    });
  }
});
