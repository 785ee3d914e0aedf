import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { z } from 'zod';
import { definePlugin } from '../../../src/kernel/plugin.ts';
import { RefreshReplayed } from '../../../src/plugins/sessions/contract.ts';
import { ageRotations } from '../../support/ageing.ts';
import type { Browser } from '../../support/browser.ts';
import { meAt, refreshAt, tokensOf, userinfoAt } from '../../support/cookie-api.ts';
import { eventually } from '../../support/eventually.ts';
import { type Node, raceStores } from '../../support/nodes.ts';
import { errorOf } from '../../support/relying-party.ts';
import { signInWithClient } from '../../support/signed-in.ts';
import { useNodes } from '../../support/use-nodes.ts';

/** Milliseconds until every node knows of an ended session. */
const KNOWN = 1_000;
/** Seconds: later than the same-answer window. */
const LATE = 11;

for (const store of raceStores) {
  describe(`a refresh token used again after the window (SEC-46), state store on ${store}`, () => {
    const heard: { userId: string; sessionId: string | null }[] = [];
    const listener = definePlugin({
      name: 'replay-listener',
      kernel: 1,
      dependsOn: ['sessions'],
      settings: z.object({}),
      setup: () => ({
        listeners: [
          { event: RefreshReplayed, handle: async (replay) => void heard.push(replay as never) },
        ],
      }),
    });

    const nodes = useNodes(store, { plugins: [listener] });

    const everywhere = (): readonly Node[] => [nodes.local, ...nodes.processes];

    const signedIn = () => signInWithClient(nodes.local);

    type Person = Awaited<ReturnType<typeof signedIn>>;

    /** Family, grants and session are over, on every node. */
    const expectEnded = async (
      { rp }: Pick<Person, 'rp'>,
      browser: Browser,
      cookies: { access: string; refresh: string },
      oidc: { access: string; refresh: string },
    ): Promise<void> => {
      await Promise.all(
        everywhere().map((node) =>
          eventually(async () => (await meAt(node, cookies.access)).status === 401, KNOWN),
        ),
      );
      for (const node of everywhere()) {
        expect((await refreshAt(node, cookies.refresh)).status).to.equal(401);
        expect((await rp.refresh(oidc.refresh, {}, node)).body.error).to.equal('invalid_grant');
        expect((await userinfoAt(node, oidc.access)).status).to.equal(401);
      }
      const answer = await rp.authorize(browser, { prompt: 'none' });
      expect(errorOf(answer)).to.equal('login_required');
    };

    /** The event of a replay that the local node was told of. */
    const expectEvent = async (userId: string): Promise<void> => {
      await eventually(() => heard.some((replay) => replay.userId === userId));
    };

    it('ends family, grants and session when it is a cookie', async () => {
      const { user, browser, cookies, rp, oidc } = await signedIn();
      const successor = tokensOf(await refreshAt(nodes.processes[0], cookies.refresh));
      await ageRotations(nodes.local, user.id, LATE);
      const replay = await refreshAt(nodes.local, cookies.refresh);
      expect(replay.status).to.equal(401);
      await expectEvent(user.id);
      await expectEnded({ rp }, browser, successor, oidc);
    });

    it('ends family, grants and session when it is a client’s', async () => {
      const { user, browser, cookies, rp, oidc } = await signedIn();
      const { body } = await rp.refresh(oidc.refresh, {}, nodes.processes[0]);
      await ageRotations(nodes.local, user.id, LATE);
      expect((await rp.refresh(oidc.refresh)).body.error).to.equal('invalid_grant');
      await expectEvent(user.id);
      await expectEnded({ rp }, browser, cookies, {
        access: body.access_token ?? '',
        refresh: body.refresh_token ?? '',
      });
    });

    for (const kind of ['cookie', 'client'] as const) {
      it(`is felt on all nodes when another process is told of it (${kind})`, async () => {
        const { user, browser, cookies, rp, oidc } = await signedIn();
        const [first, second] = nodes.processes;
        const replayAt = async (node: Node): Promise<void> => {
          if (kind === 'cookie') await refreshAt(node, cookies.refresh);
          else await rp.refresh(oidc.refresh, {}, node);
        };
        await replayAt(first);
        await ageRotations(nodes.local, user.id, LATE);
        await replayAt(second);
        await expectEnded({ rp }, browser, cookies, oidc);
        await eventually(() => second.output.some((line) => isReplayLine(line, user.id)));
      });
    }

    it('ends nothing when it comes from within the window', async () => {
      const { user, cookies } = await signedIn();
      const successor = tokensOf(await refreshAt(nodes.local, cookies.refresh));
      await ageRotations(nodes.local, user.id, 5);
      const again = tokensOf(await refreshAt(nodes.processes[1], cookies.refresh));
      expect(decodeJwt(again.refresh).jti).to.equal(decodeJwt(successor.refresh).jti);
      expect((await refreshAt(nodes.local, successor.refresh)).status).to.equal(200);
      expect(heard.some((replay) => replay.userId === user.id)).to.equal(false);
    });
  });
}

/** The log line of the security event; it names no token. */
function isReplayLine(line: string, userId: string): boolean {
  return line.includes('"event":"refresh_token.replayed"') && line.includes(userId);
}
