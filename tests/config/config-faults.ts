import { ConfigError } from '../../config/config-error.ts';

/** The faults that the work fails with. */
export async function faultsOf(work: () => unknown): Promise<readonly string[]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  throw new Error('the settings were accepted');
}

export const GOOD_KEY = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c';
