/** Makes, rotates, keeps and lists the signing keys of the issuer. Owns table signing_keys. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { keyCommands } from './cli.ts';
import { Keys } from './contract.ts';
import { diagnoseKeys } from './diagnose.ts';
import { generateSigningKey } from './generate-signing-key.ts';
import { createKeyCipher } from './key-cipher.ts';
import { createKeyModel } from './model.ts';
import { createKeyService } from './service.ts';

export const keys = definePlugin({
  name: 'keys',
  kernel: 1,
  dependsOn: ['lifetimes'],
  settings: z.object({
    KEY_ROTATION: z.coerce
      .number()
      .int()
      .min(0)
      .max(315_360_000)
      .default(7_776_000)
      .describe(
        'Seconds after which new signing keys take over; 0: only with "authsrv keys rotate".',
      ),
  }),
  commands: keyCommands,
  setup({ db, store, core, settings, random, secrets, clock, log }) {
    // A tenth of the time that verifiers keep JWKS; a node that missed a message is two turns late at most.
    const every = Math.max(1, Math.min(30, Math.floor(core.jwksMaxAge / 10)));
    const keys = createKeyModel(db);
    const cipher = createKeyCipher(secrets.keys('signing-keys'), random);
    const times = {
      period: settings.KEY_ROTATION,
      cached: core.jwksMaxAge,
      publishAhead: core.jwksMaxAge + 2 * every,
      // ID tokens come back as hints for as long as a session can last.
      retention: core.sessionTtl + 60,
      tokens: core.accessTokenTtl,
    };
    const parts = { keys, cipher, times };
    const service = createKeyService({ ...parts, generate: generateSigningKey, store, log });
    return {
      provides: [provide(Keys, service)],
      diagnoses: diagnoseKeys({ ...parts, held: service.held, clock }),
      start: () => service.start(),
      // Tokens of before are refused, and keys that were withdrawn meanwhile are not back.
      afterRestore: () => service.replaceCompromised(),
      tasks: [{ name: 'signing keys', every, run: () => service.tend() }],
      stop: () => service.stop(),
    };
  },
});
