/** Paths of routes and pages: which two of them one request may match, and which of two answers it. */

/** What one segment of a path matches: one text, a part of a text or any (`:name`), any number of segments. */
type Segment = { readonly text: string } | 'part' | 'any' | 'rest';

/** Letters' case and escapes are not told apart, although the router does: two paths that people take for one are one. */
function segmentOf(written: string): Segment {
  if (/[{}*]/.test(written)) return 'rest';
  if (/^:\w+$/.test(written)) return 'any';
  if (/[:()[\]?+!\\]/.test(written)) return 'part';
  return { text: decoded(written).toLowerCase() };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A slash at the end makes no difference. What comes after an optional or open part may be anything. */
function segmentsOf(path: string): Segment[] {
  const segments = path.replace(/^\//, '').replace(/\/$/, '').split('/').map(segmentOf);
  const open = segments.indexOf('rest');
  return open < 0 ? segments : segments.slice(0, open + 1);
}

/** Whether one request may match both; in doubt it may. */
export function doPathsOverlap(one: string, other: string): boolean {
  const [first, second] = [segmentsOf(one), segmentsOf(other)];
  for (let at = 0; ; at += 1) {
    const [a, b] = [first[at], second[at]];
    if (a === 'rest' || b === 'rest') return true;
    if (a === undefined || b === undefined) return a === b;
    if (typeof a === 'object' && typeof b === 'object' && a.text !== b.text) return false;
  }
}

/** Two paths that differ only in parameter names, letters' case, escapes or a slash at the end are one. */
export const pathKey = (path: string): string =>
  `/${path
    .replace(/^\//, '')
    .replace(/\/$/, '')
    .split('/')
    .map((written) => decoded(written.replace(/:\w+/g, ':')).toLowerCase())
    .join('/')}`;

const rankOf = (segment: Segment | undefined): number =>
  segment === undefined
    ? 0
    : typeof segment === 'object'
      ? 1
      : ['part', 'any', 'rest'].indexOf(segment) + 2;

/** Of two paths that one request matches, the one that answers comes first: the first segment that is a text decides. */
export function compareSpecificity(one: string, other: string): number {
  const [first, second] = [segmentsOf(one), segmentsOf(other)];
  for (let at = 0; at < Math.max(first.length, second.length); at += 1) {
    const difference = rankOf(first[at]) - rankOf(second[at]);
    if (difference !== 0) return difference;
  }
  return 0;
}
