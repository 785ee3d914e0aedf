import { expect } from 'chai';
import { ageRedemptions } from '../../support/ageing.ts';
import { userinfoAt } from '../../support/cookie-api.ts';
import { inParallel, type Node, raceStores } from '../../support/nodes.ts';
import { createUser, signedInBrowser } from '../../support/people.ts';
import { codeOf, createRelyingParty } from '../../support/relying-party.ts';
import { useNodes } from '../../support/use-nodes.ts';

for (const store of raceStores) {
  describe(`racing code redemptions (SEC-55, I1), state store on ${store}`, () => {
    const nodes = useNodes(store);

    /** A code fresh from the authorization endpoint. */
    const authorized = async () => {
      const rp = await createRelyingParty(nodes.local);
      const user = await createUser(nodes.local);
      const browser = await signedInBrowser(nodes.local, user);
      return { rp, user, code: codeOf(await rp.authorize(browser)) };
    };

    const race = async (over: readonly Node[]): Promise<void> => {
      const { rp, code } = await authorized();
      const answers = await inParallel(20, over, (node) => rp.redeem(code, {}, node));
      const [winner, ...others] = answers.filter(({ status }) => status === 200);
      expect(others).to.deep.equal([]);
      const losers = answers.filter((answer) => answer !== winner);
      expect(losers.map(({ status, body }) => [status, body.error])).to.deep.equal(
        Array(19).fill([400, 'invalid_grant']),
      );
      const { access_token: access = '', refresh_token: refresh = '' } = winner?.body ?? {};
      for (const node of over) expect((await userinfoAt(node, access)).status).to.equal(200);
      expect((await rp.refresh(refresh, {}, over[0])).status).to.equal(200);
    };

    it('20 on one node: one wins, and its tokens work', () => race([nodes.local]));

    it('20 over two processes: one wins, and its tokens work', () => race(nodes.processes));

    it('one that comes later than 2 s revokes what the code gave, on every node', async () => {
      const { rp, user, code } = await authorized();
      const [first, second] = nodes.processes;
      const { body } = await rp.redeem(code, {}, first);
      await ageRedemptions(nodes.local, user.id, 2.5);
      expect((await rp.redeem(code, {}, second)).body.error).to.equal('invalid_grant');
      for (const node of [nodes.local, first, second]) {
        expect((await userinfoAt(node, body.access_token ?? '')).status).to.equal(401);
        const refreshed = await rp.refresh(body.refresh_token ?? '', {}, node);
        expect(refreshed.body.error).to.equal('invalid_grant');
      }
    });

    it('one within 2 s revokes nothing', async () => {
      const { rp, code } = await authorized();
      const { body } = await rp.redeem(code);
      expect((await rp.redeem(code)).body.error).to.equal('invalid_grant');
      expect((await userinfoAt(nodes.local, body.access_token ?? '')).status).to.equal(200);
      expect((await rp.refresh(body.refresh_token ?? '')).status).to.equal(200);
    });
  });
}
