/** Makes, keeps and lists the signing keys of the issuer. Owns table signing_keys. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { keyCommands } from './cli.ts';
import { Keys } from './contract.ts';
import { generateSigningKey } from './generate-signing-key.ts';
import { createKeyCipher } from './key-cipher.ts';
import { createKeyModel } from './model.ts';
import { createKeyService } from './service.ts';

export const keys = definePlugin({
  name: 'keys',
  kernel: 1,
  settings: z.object({}),
  commands: keyCommands,
  setup({ db, clock, random, secrets, log }) {
    const service = createKeyService({
      keys: createKeyModel(db),
      cipher: createKeyCipher(secrets.keys('signing-keys'), random),
      generate: generateSigningKey,
      clock,
      log,
    });
    return { provides: [provide(Keys, service)], start: () => service.start() };
  },
});
