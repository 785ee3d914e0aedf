/** What `authsrv doctor` prints. */
import { type Examined, type Status, worst } from './examine.ts';

/** For `--json`. */
export const reportOf = (checks: readonly Examined[]) => ({ status: worst(checks), checks });

/** A line a check, its findings below it, and a last line that counts. */
export function describeReport(checks: readonly Examined[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, status, findings, reason }) => [
    reason === undefined
      ? `${status.padEnd(7)}  ${name}`
      : `${status.padEnd(7)}  ${name.padEnd(width)}  ${reason}`,
    ...findings.flatMap(({ severity, problem, fix }) => [
      `         ${severity}: ${problem}`,
      `         fix: ${fix}`,
    ]),
  ]);
  const count = (wanted: Status) => checks.filter(({ status }) => status === wanted).length;
  const counts = (['broken', 'warning', 'skipped', 'ok'] as const).map(
    (one) => `${count(one)} ${one}`,
  );
  return [...lines, '', counts.join(', ')].join('\n');
}
