import type { Command as Program } from 'commander';
import { describeSettings } from '../../config/describe.ts';
import { issuerOf } from '../http/public-url.ts';
import type { Loaded } from '../load-settings.ts';

/** `config`: every setting, where it comes from, secrets masked. */
export function addConfigCommand(program: Program, loaded: Promise<Loaded>): void {
  program
    .command('config')
    .description('print every setting, where it comes from, and the issuer')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { config, environment, plugins } = await loaded;
      const settings = describeSettings(environment, plugins);
      const issuer = issuerOf(config.publicUrl);
      if (json) {
        process.stdout.write(`${JSON.stringify({ issuer, settings }, null, 2)}\n`);
        return;
      }
      const width = Math.max(...settings.map(({ name }) => name.length));
      for (const { name, value, source } of settings) {
        process.stdout.write(`${name.padEnd(width)}  ${value}  (${source})\n`);
      }
      process.stdout.write(`\nIssuer: ${issuer}\n`);
    });
}
