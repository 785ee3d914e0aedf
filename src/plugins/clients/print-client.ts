import type { CommandIo } from '../../kernel/plugin.ts';
import type { Client } from './contract.ts';

/** `name  value` lines; a list is one line with spaces between its members, an empty one is left out. */
export function printClient(io: CommandIo, client: Client & { client_secret?: string }): void {
  for (const [name, value] of Object.entries(client)) {
    const text = toText(value);
    if (text !== '') io.out(`${name.padEnd(30)}${text}`);
  }
}

function toText(value: unknown): string {
  if (value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? value.join(' ') : String(value);
}

/** Metadata as RFC 7591 §3.2.1 writes it, dates in ISO 8601. */
export const printJson = (io: CommandIo, value: unknown): void =>
  io.out(JSON.stringify(value, null, 2));
