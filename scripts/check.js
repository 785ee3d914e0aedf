/** `npm run check`: every check in turn; `--static` leaves the tests out. All run, also after a failure. */
import { spawnSync } from 'node:child_process';

const STATIC = [
  ['format and lint', 'biome', ['ci', '.']],
  ['typed lint', 'eslint', ['.']],
  ['types', 'tsc', ['--noEmit']],
  ['layers', 'depcruise', ['src', 'config', 'db', '--config', '.dependency-cruiser.cjs']],
  ['dead code', 'knip', []],
];
const TESTS = ['tests', process.execPath, ['tests/support/run.ts', '--coverage']];

const steps = process.argv.includes('--static') ? STATIC : [...STATIC, TESTS];
const failed = steps.filter(([name, command, args]) => {
  console.log(`\n── ${name}`);
  return spawnSync(command, args, { stdio: 'inherit' }).status !== 0;
});
if (failed.length > 0) {
  console.error(`\nfailed: ${failed.map(([name]) => name).join(', ')}`);
  process.exitCode = 1;
}
