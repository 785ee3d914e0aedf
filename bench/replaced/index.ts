/**
 * The figures of docs/decisions 0001, 0002, 0005, 0006 and 0007: packages of the original stack against what is used
 * instead.
 *
 *     npm run bench-replaced -- /tmp/replaced [--rounds 9] [--only sentry,argon2]
 *
 * Installs both sides into that folder (npm registry, no scripts), loads each in fresh processes, in turns, and runs what
 * decided: `probes/`. Needs Linux; koa-ratelimit also `redis-server` on PATH.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { spreadOf } from '../statistics.ts';
import { install, measureLoad, runProbe } from './measure.ts';
import { DECISIONS, type Decision, type Side } from './packages.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '9' },
    only: { type: 'string', default: '' },
  },
});

/** Loads the sides in turns, so that a busy neighbour hits both. */
async function compareLoads({ original, ours }: Decision, folder: string, rounds: number) {
  const times: Record<'original' | 'ours', { milliseconds: number[]; megabytes: number[] }> = {
    original: { milliseconds: [], megabytes: [] },
    ours: { milliseconds: [], megabytes: [] },
  };
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, side] of [
      ['original', original],
      ['ours', ours],
    ] as const) {
      const { milliseconds, megabytes } = await measureLoad(path.join(folder, side.folder), side);
      times[name].milliseconds.push(milliseconds);
      times[name].megabytes.push(megabytes);
    }
  }
  return times;
}

const rounded = (number: number, digits = 0): string => number.toFixed(digits);

async function describe(decision: Decision, folder: string, rounds: number): Promise<void> {
  const { name, original, ours, probe } = decision;
  console.log(`\n## ${name}`);
  const sides: readonly Side[] = [original, ours];
  for (const side of sides) {
    const { packages, scripts, megabytes } = await install(path.join(folder, side.folder), side);
    console.log(
      `${side.packages.join(' ')}: ${packages} packages, install scripts: ${scripts.join(' ') || 'none'}, ${rounded(megabytes)} MB on disk`,
    );
  }
  const times = await compareLoads(decision, folder, rounds);
  for (const [of, unit, digits] of [
    ['milliseconds', 'ms to load', 0],
    ['megabytes', 'MB of memory', 1],
  ] as const) {
    const [before, now] = [spreadOf(times.original[of]), spreadOf(times.ours[of])];
    const ratio = rounded(before.median / now.median, 1);
    console.log(
      `${unit}: ${rounded(before.median, digits)} (least ${rounded(before.min, digits)}) against ${rounded(now.median, digits)} (least ${rounded(now.min, digits)}), ratio ${ratio}`,
    );
  }
  if (probe) for (const line of await runProbe(probe, folder)) console.log(`- ${line}`);
}

const [target] = positionals;
if (target === undefined) throw new Error('say a folder outside of the repository');
const folder = path.resolve(target);
await mkdir(folder, { recursive: true });
const only = values.only.split(',').filter(Boolean);
for (const decision of DECISIONS) {
  if (only.length > 0 && !only.includes(decision.name)) continue;
  await describe(decision, folder, Number(values.rounds));
}
