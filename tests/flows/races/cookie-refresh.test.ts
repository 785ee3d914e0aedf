import { expect } from 'chai';
import { loginAt, meAt, refreshAt, type Tokens, tokensOf } from '../../support/cookie-api.ts';
import { inParallel, type Node, raceStores } from '../../support/nodes.ts';
import { createUser } from '../../support/people.ts';
import { useNodes } from '../../support/use-nodes.ts';

for (const store of raceStores) {
  describe(`racing refreshes of the cookie API (SEC-45, I1), state store on ${store}`, () => {
    const nodes = useNodes(store);

    /** 20 requests with one token; their one successor. */
    const race = async (over: readonly Node[], { refresh }: Tokens): Promise<Tokens> => {
      const answers = await inParallel(20, over, (node) => refreshAt(node, refresh));
      expect(answers.map(({ status }) => status)).to.deep.equal(Array(20).fill(200));
      const given = answers.map(tokensOf);
      const successors = new Set(given.map((tokens) => tokens.refresh));
      expect([...successors]).to.have.length(1);
      expect([...successors]).not.to.include(refresh);
      for (const { access } of given)
        expect((await meAt(nodes.local, access)).status).to.equal(200);
      return given[0] as Tokens;
    };

    const places = (): readonly (readonly Node[])[] => [[nodes.local], nodes.processes];

    it('20 get one and the same successor, three times in a row', async () => {
      for (const over of places()) {
        let tokens = await loginAt(nodes.local, await createUser(nodes.local));
        for (let round = 0; round < 3; round += 1) tokens = await race(over, tokens);
        expect((await refreshAt(nodes.local, tokens.refresh)).status).to.equal(200);
      }
    });

    it('a straggler gets the same successor as long as the window lasts, on any node', async () => {
      const { refresh } = await loginAt(nodes.local, await createUser(nodes.local));
      const given = [];
      for (const node of [nodes.processes[0], nodes.processes[1], nodes.local]) {
        given.push(tokensOf(await refreshAt(node, refresh)).refresh);
      }
      expect(new Set(given)).to.have.property('size', 1);
    });

    it('a token two rotations old gets nothing, also within the window', async () => {
      const { refresh } = await loginAt(nodes.local, await createUser(nodes.local));
      const second = tokensOf(await refreshAt(nodes.local, refresh));
      const third = tokensOf(await refreshAt(nodes.local, second.refresh));
      expect((await refreshAt(nodes.processes[0], refresh)).status).to.equal(401);
      // It could only come from a thief: the family is over.
      expect((await refreshAt(nodes.local, third.refresh)).status).to.equal(401);
    });
  });
}
