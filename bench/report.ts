import { cpus } from 'node:os';
import type { Cores } from './machine.ts';
import type { SideResult } from './measure.ts';
import type { Options } from './options.ts';
import type { Finding } from './rows/row.ts';
import type { Spread } from './statistics.ts';

export function describeMachine({ rounds, seconds, connections }: Options, cores: Cores): void {
  const where = cores.separate
    ? 'each server alone on core 0; load and stores on the others'
    : 'nothing pinned: read the CPU column only';
  console.log(
    `Node ${process.version}, ${cpus()[0]?.model ?? 'unknown CPU'}, ${cores.count} cores; ${where}`,
  );
  console.log(
    `${rounds} rounds of ${seconds} s a side in turn, ${connections} connections; median (min..max)\n`,
  );
}

const spread = ({ median, min, max }: Spread, digits: number): string =>
  `${median.toFixed(digits)} (${min.toFixed(digits)}..${max.toFixed(digits)})`;

const verdict = (reached: boolean | undefined): string => {
  if (reached === undefined) return '';
  return reached ? ' ok' : ' MISSED';
};

type Column = readonly [name: string, show: (result: SideResult) => string];

const COLUMNS: readonly Column[] = [
  ['µs CPU', ({ cpu }) => cpu.median.toFixed(0)],
  ['per s', ({ perSecond }) => perSecond.median.toFixed(0)],
  ['p99 ms', ({ p99 }) => (Number.isNaN(p99) ? '' : p99.toFixed(0))],
];

type Kind<Name extends Finding['kind']> = Extract<Finding, { kind: Name }>;

const COMPARISON_HEAD = [
  ...['work', 'limit', 'ratio', 'target', 'speed'],
  ...COLUMNS.flatMap(([name]) => [`${name}, ours`, 'limit']),
];

const comparisonLine = ({ work, limit, target, comparison }: Kind<'comparison'>): string[] => {
  const { ours, limit: other, ratio, speed } = comparison;
  const aim = target === undefined ? '' : `${target.toFixed(2)}${verdict(ratio.median >= target)}`;
  const numbers = COLUMNS.flatMap(([, show]) => [show(ours), show(other)]);
  return [work, limit, spread(ratio, 2), aim, spread(speed, 2), ...numbers];
};

const FACT_HEAD = ['what', 'measured', 'target'];

const factLine = ({ work, value, target, reached }: Kind<'fact'>): string[] => [
  work,
  value,
  `${target}${verdict(reached)}`,
];

/** A Markdown table, aligned for terminals. */
function printLines(head: readonly string[], lines: readonly string[][]): void {
  if (lines.length === 0) return;
  const widths = head.map((name, column) =>
    Math.max(name.length, ...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  const rule = widths.map((width) => '-'.repeat(width));
  for (const cells of [head, rule, ...lines]) {
    console.log(`| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
  }
  console.log();
}

export function printTable(findings: readonly Finding[]): void {
  const comparisons = findings.filter((finding) => finding.kind === 'comparison');
  const facts = findings.filter((finding) => finding.kind === 'fact');
  printLines(COMPARISON_HEAD, comparisons.map(comparisonLine));
  printLines(FACT_HEAD, facts.map(factLine));
}
