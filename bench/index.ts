/** `npm run bench`: measures the rows, prints the table, stops all that it started. */
import { shareCores } from './machine.ts';
import { type Options, parseOptions } from './options.ts';
import { describeMachine, printTable } from './report.ts';
import type { Finding, Row } from './rows/row.ts';
import { rows } from './rows/rows.ts';
import { onStage } from './stage/stage.ts';

function chosenRows({ only }: Options): readonly Row[] {
  const namesOf = ({ name, group }: Row): readonly string[] => (group ? [name, group] : [name]);
  const known = new Set(rows.flatMap(namesOf));
  const unknown = only.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new Error(`no row ${unknown.join(', ')}: there are ${[...known].join(', ')}`);
  }
  if (only.length === 0) return rows.filter(({ group }) => group === undefined);
  return rows.filter((row) => namesOf(row).some((name) => only.includes(name)));
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  const chosen = chosenRows(options);
  const cores = await shareCores();
  const findings: Finding[] = [];
  try {
    await onStage(options, cores, async (stage) => {
      for (const row of chosen) {
        console.error(`measuring ${row.name}`);
        findings.push(...(await row.run(stage)));
      }
    });
  } finally {
    describeMachine(options, cores);
    printTable(findings);
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
