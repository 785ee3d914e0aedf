import { expect } from 'chai';
import { userinfoAt } from '../../support/cookie-api.ts';
import { inParallel, type Node, raceStores } from '../../support/nodes.ts';
import { createUser, signedInBrowser } from '../../support/people.ts';
import { codeOf, createRelyingParty } from '../../support/relying-party.ts';
import { useNodes } from '../../support/use-nodes.ts';

for (const store of raceStores) {
  describe(`racing refreshes at /oidc/token (SEC-45, I1, CVE-2026-1035), state store on ${store}`, () => {
    const nodes = useNodes(store);

    const signedIn = async () => {
      const rp = await createRelyingParty(nodes.local);
      const browser = await signedInBrowser(nodes.local, await createUser(nodes.local));
      const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
      return { rp, refresh: body.refresh_token ?? '' };
    };

    type Family = Awaited<ReturnType<typeof signedIn>>;

    /** 20 requests with one token; what the one winner got. */
    const race = async (over: readonly Node[], { rp, refresh }: Family): Promise<string> => {
      const answers = await inParallel(20, over, (node) => rp.refresh(refresh, {}, node));
      const [winner, ...others] = answers.filter(({ status }) => status === 200);
      expect(others).to.deep.equal([]);
      const losers = answers.filter((answer) => answer !== winner);
      expect(losers.map(({ status, body }) => [status, body.error])).to.deep.equal(
        Array(19).fill([400, 'invalid_grant']),
      );
      const { access_token: access = '', refresh_token: successor = '' } = winner?.body ?? {};
      for (const node of over) expect((await userinfoAt(node, access)).status).to.equal(200);
      return successor;
    };

    for (const where of ['one node', 'two processes']) {
      it(`20 on ${where}: one wins, and its family lives, three times in a row`, async () => {
        const over = where === 'one node' ? [nodes.local] : nodes.processes;
        const { rp, refresh: first } = await signedIn();
        let refresh = first;
        for (let round = 0; round < 3; round += 1) refresh = await race(over, { rp, refresh });
        expect((await rp.refresh(refresh)).status).to.equal(200);
      });
    }

    it('a loser leaves no token behind that works', async () => {
      const family = await signedIn();
      const successor = await race(nodes.processes, family);
      const rows = await nodes.local.database.database.query<{ rotation: number }>(
        { name: 'test-rotations', text: 'SELECT rotation FROM grants WHERE client_id = $1' },
        [family.rp.client.client_id],
      );
      expect(rows).to.deep.equal([{ rotation: 1 }]);
      expect((await family.rp.refresh(successor)).status).to.equal(200);
    });
  });
}
