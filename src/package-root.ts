import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder with `views` and `db/migrations`: the same whether this runs from `src` or from `dist`. */
export function packageRoot(from: string = import.meta.dirname): string {
  if (existsSync(join(from, 'views', 'layout.eta'))) return from;
  const parent = dirname(from);
  if (parent === from) throw new Error('the views of this package are missing');
  return packageRoot(parent);
}

export function packageVersion(root: string): string {
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

/**
 * Where the files of Swagger UI are: among the development dependencies, or where `npm run build` copied them. It is
 * no dependency of ours at run time, since it would bring a package along that reports installations to its makers.
 */
export function viewerFolder(root: string): string | undefined {
  const candidates = [join(root, 'node_modules', 'swagger-ui-dist'), join(root, 'dist', 'viewer')];
  return candidates.find((folder) => existsSync(join(folder, 'swagger-ui-bundle.js')));
}
