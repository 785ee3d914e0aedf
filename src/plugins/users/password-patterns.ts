/** Passwords that follow from a few keystrokes: repetitions, mirrors, sequences, keyboard walks. */

/** Rows of keys, each with what it gives while shift is held. */
const KEYBOARDS: readonly (readonly string[])[] = [
  ['1234567890-=', '!@#$%^&*()_+', 'qwertyuiop[]', '', "asdfghjkl;'", '', 'zxcvbnm,./'],
  ['1234567890ß', '!"§$%&/()=?', 'qwertzuiopü+', '', 'asdfghjklöä#', '', 'yxcvbnm,.-'],
  ['&é"\'(-è_çà)=', '1234567890°+', 'azertyuiop^$', '', 'qsdfghjklmù*', '', 'wxcvbn,;:!'],
  ['1234567890-=', '!"№;%:?*()_+', 'йцукенгшщзхъ', '', 'фывапролджэ', '', 'ячсмитьбю.'],
  ['789', '', '456', '', '123', '', '0'],
];

/** How far it is from one character to the next: undefined when they are no neighbours. */
type Step = (from: string, to: string) => string | undefined;

const steps: readonly Step[] = [codePointStep, ...KEYBOARDS.map(keyboardStep)];

function codePointStep(from: string, to: string): string | undefined {
  const distance = (to.codePointAt(0) ?? 0) - (from.codePointAt(0) ?? 0);
  return Math.abs(distance) <= 1 ? String(distance) : undefined;
}

function keyboardStep(rows: readonly string[]): Step {
  const keys = new Map<string, { x: number; y: number }>();
  for (const [index, row] of rows.entries()) {
    for (const [x, key] of [...row].entries()) keys.set(key, { x, y: index >> 1 });
  }
  return (from, to) => {
    const [a, b] = [keys.get(from), keys.get(to)];
    if (!a || !b || Math.abs(a.x - b.x) > 1 || Math.abs(a.y - b.y) > 1) return undefined;
    return `${b.x - a.x},${b.y - a.y}`;
  };
}

/** Length of the longest straight walk that begins at `start`: 1 when the next character is anywhere. */
function walkLength(characters: readonly string[], start: number): number {
  const lengths = steps.map((step) => {
    const at = (index: number): string | undefined => {
      const [from, to] = [characters[index], characters[index + 1]];
      return from === undefined || to === undefined ? undefined : step(from, to);
    };
    const direction = at(start);
    let end = start;
    while (direction !== undefined && at(end) === direction) end += 1;
    return end - start + 1;
  });
  return Math.max(...lengths);
}

function countWalks(characters: readonly string[]): number {
  let walks = 0;
  for (let start = 0; start < characters.length; walks += 1) {
    start += walkLength(characters, start);
  }
  return walks;
}

/** Straight walks of three keys or more on average: `qwertyuiop123`, `1qaz2wsx3edc`, `a1b2c3d4e5f6`. */
export function isWalk(password: string): boolean {
  const characters = [...password];
  const even = characters.filter((_, index) => index % 2 === 0);
  const odd = characters.filter((_, index) => index % 2 === 1);
  const most = characters.length / 3;
  return countWalks(characters) <= most || countWalks(even) + countWalks(odd) <= most;
}

/** Length of the shortest unit whose repetition gives the password: 3 for `abcabcab`. */
export function repeatedUnitLength(password: string): number {
  const characters = [...password];
  // Knuth-Morris-Pratt: the longest proper prefix that is also a suffix leaves the period.
  const borders: number[] = [0];
  for (let index = 1; index < characters.length; index += 1) {
    let border = borders[index - 1] ?? 0;
    while (border > 0 && characters[index] !== characters[border])
      border = borders[border - 1] ?? 0;
    borders.push(characters[index] === characters[border] ? border + 1 : 0);
  }
  const unit = characters.length - (borders.at(-1) ?? 0);
  return unit <= characters.length / 2 ? unit : characters.length;
}

/** Reads the same from both ends: `passworddrowssap`. */
export function isMirrored(password: string): boolean {
  const characters = [...password];
  return characters.every((character, index) => character === characters.at(-1 - index));
}
