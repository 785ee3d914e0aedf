import { expect } from 'chai';
import { createUser } from '../support/people.ts';
import { BROWSERS, useStage } from './stage.ts';

describe('response_mode=form_post', () => {
  const stage = useStage();

  it(
    'SEC-93: posts itself to the relying party under our policy',
    stage.visit({ javaScriptEnabled: true }, async (visitor) => {
      const rp = await stage.relyingParty();
      await visitor.authorize(rp, { response_mode: 'form_post' });
      await visitor.signIn(await createUser(stage.app));
      const { method, path, params } = await visitor.arrives();
      expect([method, path]).to.deep.equal(['POST', '/callback']);
      expect(params).to.include({ state: 'a-state', iss: stage.app.issuer });
      expect((await rp.redeem(params['code'] ?? '')).status).to.equal(200);
    }),
  );

  it(
    'SEC-93: has a button for browsers without JavaScript',
    stage.visit({ javaScriptEnabled: false }, async (visitor) => {
      const rp = await stage.relyingParty();
      await visitor.authorize(rp, { response_mode: 'form_post' });
      await visitor.signIn(await createUser(stage.app));
      await visitor.press('Continue');
      const { method, params } = await visitor.arrives();
      expect(method).to.equal('POST');
      expect((await rp.redeem(params['code'] ?? '')).status).to.equal(200);
    }),
  );

  for (const [browser, options] of Object.entries(BROWSERS)) {
    it(
      `carries an error the same way, ${browser}`,
      stage.visit(options, async (visitor) => {
        const rp = await stage.relyingParty();
        await visitor.authorize(rp, { response_mode: 'form_post', prompt: 'none' });
        if (options.javaScriptEnabled === false) await visitor.press('Continue');
        expect((await visitor.arrives()).params).to.include({ error: 'login_required' });
      }),
    );
  }
});
