/** Logs for tests. */
import type { Log } from '../../src/kernel/plugin.ts';

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface LogEntry {
  readonly level: keyof Log;
  readonly fields: object;
  readonly message: string;
}

/** Keeps what was logged. */
export function createRecordingLog(): Log & { readonly entries: LogEntry[] } {
  const entries: LogEntry[] = [];
  const at = (level: keyof Log) => (fields: object, message: string) => {
    entries.push({ level, fields, message });
  };
  return { entries, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
