import type { Command as Program } from 'commander';
import { ConfigError } from '../../config/config-error.ts';
import type { CoreConfig } from '../../config/load.ts';
import { type AppOptions, setUpPlugins } from '../app.ts';
import { describeReport, reportOf } from '../doctor/describe-report.ts';
import { type Examined, examine, type Owned, worst } from '../doctor/examine.ts';
import { broken, type Diagnosis, type Finding, type Log } from '../kernel/plugin.ts';
import { type Loaded, withSecretKey } from '../load-settings.ts';
import { createLogger } from '../logging/logger.ts';
import { openStorage, type Storage } from '../storage/open-storage.ts';
import { systemClock, systemRandom } from '../system.ts';
import { coreDiagnoses } from './core-diagnoses.ts';
import { describeFailure } from './describe-failure.ts';

/** `doctor`: what is wrong and what to do about it. Exit code 1 when something is broken. */
export function addDoctorCommand(program: Program, loaded: Promise<Loaded>): void {
  program
    .command('doctor')
    .description(
      'check settings, stores, keys, mail and PUBLIC_URL; say what is wrong and what to do',
    )
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const checks = await examineAll(loaded);
      const text = json ? JSON.stringify(reportOf(checks), undefined, 2) : describeReport(checks);
      process.stdout.write(`${text}\n`);
      if (worst(checks) === 'broken') process.exitCode = 1;
    });
}

const settingsOf = (findings: readonly Finding[]): Owned => ({
  owner: 'core',
  diagnosis: { name: 'settings', check: async () => findings },
});

const FIX = 'Correct it; .env.example says what each setting takes.';

/** Nothing else can be looked at without settings that work. */
async function examineAll(loaded: Promise<Loaded>): Promise<readonly Examined[]> {
  try {
    return await examineWith(await loaded);
  } catch (error) {
    const faults = error instanceof ConfigError ? error.faults : [describeFailure(error)];
    return examine([settingsOf(faults.map((fault) => broken(fault, FIX)))]);
  }
}

/** Leads nowhere at once, on any machine. */
const NOWHERE = 'postgres://localhost/nowhere?host=/dev/null';

/** Plugins are set up, as their checks need it, and not started: that would write. */
async function examineWith({ config: given, environment, plugins }: Loaded) {
  const {
    SENTRY_DSN: _sentry,
    OTEL_EXPORTER_OTLP_ENDPOINT: _otlp,
    ...quiet
  } = withSecretKey(given);
  const config: CoreConfig = quiet;
  const log: Log = createLogger({ level: 'error', destination: process.stderr });
  const { storage, failure } = await openUnasked(config, log);
  try {
    const common = { config, environment, storage, log, clock: systemClock };
    const core = coreDiagnoses({ ...common, plugins, failure, fetch: globalThis.fetch });
    const [settings, ...contributed] = contributedBy({
      ...common,
      ...{ plugins, random: systemRandom },
    });
    return await examine([settings, ...core.map(ofCore), ...contributed]);
  } finally {
    await storage.close();
  }
}

/** Plugins that refuse these settings are a finding, and what they would check is left out. */
function contributedBy(options: AppOptions): [settings: Owned, ...Owned[]] {
  try {
    const contributed = setUpPlugins(options).registry.all('diagnoses');
    const all = contributed.flatMap(({ plugin, value }) =>
      value.map((diagnosis) => ({ owner: plugin, diagnosis })),
    );
    return [settingsOf([]), ...all];
  } catch (error) {
    return [settingsOf([broken(describeFailure(error), FIX)])];
  }
}

const ofCore = (diagnosis: Diagnosis): Owned => ({ owner: 'core', diagnosis });

/** `failure`: why the PostgreSQL cannot be had, or used; then nobody is behind the database. */
async function openUnasked(
  config: CoreConfig,
  log: Log,
): Promise<{ storage: Storage; failure?: Error }> {
  const options = {
    databaseUrl: config.DATABASE_URL,
    redisUrl: config.REDIS_URL,
    dataDir: config.DATA_DIR,
    poolSize: 4,
    role: 'cli',
    log,
    isAwaited: false,
  } as const;
  try {
    return { storage: await openStorage(options) };
  } catch (error) {
    const storage = await openStorage({ ...options, databaseUrl: NOWHERE });
    return { storage, failure: error as Error };
  }
}
