/** `secret_key`: whether it could be guessed, and what is left of a rotation. */
import { broken, type Diagnosis, type Finding, warning } from '../kernel/plugin.ts';

/** Bits. A key of 32 random hex digits, the shortest that the settings take, has about 114; of two million, the least had 86. */
const ENOUGH = 80;

/**
 * Bits that somebody who knows how the text is built has to guess at most: what repeats an earlier part, or goes on counting,
 * adds nothing. It finds keys typed by hand, not words of a language.
 */
export function estimateEntropy(text: string): number {
  const characters = [...text];
  const alphabet = new Set(characters).size;
  const fresh = characters.filter((_, i) => !isExpected(text, i)).length;
  return fresh * Math.log2(Math.max(1, alphabet));
}

function isExpected(text: string, at: number): boolean {
  const step = text.charCodeAt(at) - text.charCodeAt(at - 1);
  const former = text.charCodeAt(at - 1) - text.charCodeAt(at - 2);
  if (at >= 2 && Math.abs(step) <= 1 && step === former) return true;
  const last = text.slice(at - 2, at + 1);
  return at >= 3 && text.indexOf(last) < at - 2;
}

/** `keys`: those of SECRET_KEY, the one in use first; their length has been checked. */
export function diagnoseSecretKey(keys: readonly string[]): Diagnosis {
  return { name: 'secret_key', check: async () => keys.flatMap(judgeKey).concat(judgeList(keys)) };
}

function judgeKey(key: string, index: number): Finding[] {
  if (estimateEntropy(key) >= ENOUGH) return [];
  const which = index === 0 ? 'SECRET_KEY' : `Key ${index + 1} of SECRET_KEY`;
  const problem = `${which} can be guessed: it repeats itself, or was typed by hand.`;
  return [broken(problem, 'Put a new one in front: SECRET_KEY=$(openssl rand -hex 32),former.')];
}

function judgeList(keys: readonly string[]): Finding[] {
  if (new Set(keys).size < keys.length) {
    return [warning('SECRET_KEY lists one key twice.', 'Keep each key once.')];
  }
  if (keys.length === 1) return [];
  const problem = `SECRET_KEY still accepts ${keys.length - 1} former ${keys.length === 2 ? 'key' : 'keys'}.`;
  return [
    warning(problem, 'Drop them once SESSION_TTL has passed since the first one was put in.'),
  ];
}
