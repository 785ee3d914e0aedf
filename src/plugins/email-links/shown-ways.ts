import type { WayIn, WaysIn } from './contract.ts';

/** One box for each way in: a field that comes twice is refused. */
const FIELD = 'remove_';

/** The ids whose boxes are ticked. */
export const removedBy = (form: Readonly<Record<string, string>>): readonly string[] =>
  Object.keys(form)
    .filter((name) => name.startsWith(FIELD))
    .map((name) => name.slice(FIELD.length));

/** Ways in as the page of a reset shows them. */
export const waysToShow = (ways: readonly WayIn[], removed: readonly string[]) =>
  ways.map(({ id, label, detail, since }) => ({
    field: `${FIELD}${id}`,
    label,
    detail,
    since: since.toISOString().slice(0, 10),
    isRemoved: removed.includes(id),
  }));

/** Those of all plugins that have some. */
export function createShownWays(): WaysIn & { readonly add: (ways: WaysIn) => void } {
  const all: WaysIn[] = [];
  return {
    add: (ways) => void all.push(ways),
    list: async (userId) => (await Promise.all(all.map((one) => one.list(userId)))).flat(),
    async remove(...told) {
      for (const one of all) await one.remove(...told);
    },
  };
}
