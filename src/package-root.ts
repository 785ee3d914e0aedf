import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder with `views` and `db/migrations`: the same whether this runs from `src` or from `dist`. */
export function packageRoot(from: string = import.meta.dirname): string {
  if (existsSync(join(from, 'views', 'layout.eta'))) return from;
  const parent = dirname(from);
  if (parent === from) throw new Error('the views of this package are missing');
  return packageRoot(parent);
}
