import { readFileSync } from 'node:fs';
import type { Environment } from './load.ts';

export interface ReadFiles {
  /** The given environment and what the files hold. */
  readonly environment: Environment;
  readonly faults: readonly string[];
}

/**
 * `NAME_FILE` names a file that holds NAME, for each NAME of these settings; line ends at its end do not count.
 * Other variables that end so (`SSL_CERT_FILE`) are none of ours and are left alone.
 */
export function readSettingFiles(given: Environment, names: Iterable<string>): ReadFiles {
  const environment: Record<string, string> = { ...given };
  const faults: string[] = [];
  for (const name of names) {
    const file = given[`${name}_FILE`];
    if (file === undefined) continue;
    if (given[name] === undefined) {
      const read = readText(file);
      if ('text' in read) environment[name] = read.text;
      else faults.push(`${name}_FILE: ${read.fault}`);
    } else {
      faults.push(`${name}_FILE: ${name} is set as well; keep one of them`);
    }
  }
  return { environment, faults };
}

function readText(file: string): { readonly text: string } | { readonly fault: string } {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return text === '' ? { fault: `${file} is empty` } : { text };
  } catch (error) {
    return { fault: `cannot read ${file} (${(error as NodeJS.ErrnoException).code})` };
  }
}
