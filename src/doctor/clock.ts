/** `clock`: this machine's against everybody else's. */
import type { Clock } from '../kernel/clock.ts';
import { broken, type Diagnosis, type Finding, NotExamined, warning } from '../kernel/plugin.ts';

export interface OtherClock {
  readonly name: string;
  /** Milliseconds since 1970, to within `grain`. */
  read(): Promise<number>;
  /** Milliseconds. */
  readonly grain: number;
}

/** Milliseconds: what verifiers of tokens put up with, and what is no accident any more. */
const TOO_FAR = 30_000;
const FAR = 3_000;

/** A clock that cannot be read is left out: other checks tell of it. */
export function diagnoseClock(clock: Clock, others: readonly OtherClock[]): Diagnosis {
  return {
    name: 'clock',
    async check() {
      const compared = await Promise.allSettled(others.map((other) => compare(clock, other)));
      const findings = compared.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      if (findings.length === 0) throw new NotExamined('no other clock can be read');
      return findings.flat();
    },
  };
}

/** The answer was made at some moment between question and answer: the distance is that to the nearest such moment. */
async function compare(clock: Clock, { name, read, grain }: OtherClock): Promise<Finding[]> {
  const asked = clock.now();
  const time = await read();
  const answered = clock.now();
  const distance = Math.max(asked - grain - time, time - answered - grain, 0);
  if (distance < FAR) return [];
  const problem = `The clock here and that of ${name} are ${(distance / 1000).toFixed(1)} s apart.`;
  const fix = 'Keep both with NTP (timedatectl set-ntp true, or chrony).';
  return [distance > TOO_FAR ? broken(problem, fix) : warning(problem, fix)];
}
