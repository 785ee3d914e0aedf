import { expect } from 'chai';
import { diagnoseLogoutUris } from '../../../src/plugins/clients/diagnose-logout-uris.ts';
import type { ClientRow } from '../../../src/plugins/clients/model.ts';
import { outgoingOf } from '../../support/outgoing.ts';

const ADDRESSES: Readonly<Record<string, string>> = {
  'shop.internal': '10.0.0.7',
  'shop.example': '198.41.0.4',
  'meta.example': '169.254.169.254',
};

const row = (id: string, backchannel_logout_uri?: string): ClientRow =>
  ({ id, name: id.toUpperCase(), metadata: { backchannel_logout_uri } }) as unknown as ClientRow;

describe('diagnosis of back-channel logout URIs', () => {
  let asked: string[];

  const diagnose = async (rows: ClientRow[], named: string[] = []) => {
    asked = [];
    const outgoing = outgoingOf('https://auth.example.com', {
      named,
      resolve: async (host) => {
        asked.push(host);
        const address = ADDRESSES[host];
        if (address === undefined) throw new Error(`ENOTFOUND ${host}`);
        return [address];
      },
    });
    const { check } = diagnoseLogoutUris({ clients: { list: async () => rows }, outgoing });
    return (await check()).map(({ severity, problem, fix }) =>
      [severity, problem, fix].join(' | '),
    );
  };

  it('SEC-66 names clients that are not told, and the setting that opens their hosts', async () => {
    const found = await diagnose([
      row('a', 'https://shop.internal/bcl'),
      row('b', 'https://[fd00::7]:8443/bcl'),
      row('c', 'https://meta.example/bcl'),
      row('d', 'http://shop.example/bcl'),
    ]);
    expect(found).to.have.length(4);
    expect(found[0]).to.match(
      /^broken \| Client a \(A\) .* https:\/\/shop\.internal leads to a private/,
    );
    expect(found[0]).to.include('Add shop.internal to OUTGOING_PRIVATE');
    expect(found[1]).to.include('Add fd00::7 to OUTGOING_PRIVATE');
    expect(found[2]).to.include('never called').and.not.include('OUTGOING_PRIVATE');
    expect(found[3]).to.include('must be called with https');
  });

  it('has nothing to say of those that are named, public, gone or none', async () => {
    const rows = [
      row('a', 'https://shop.internal/bcl'),
      row('b', 'https://shop.internal/other'),
      row('c', 'https://shop.example/bcl'),
      row('d', 'https://gone.example/bcl'),
      row('e'),
    ];
    expect(await diagnose(rows, ['10.0.0.0/8'])).to.deep.equal([]);
    expect(asked, 'each name once').to.have.members([
      'shop.internal',
      'shop.example',
      'gone.example',
    ]);
  });
});
