/** `npm run build`: JavaScript in `dist/`, for the image and for `npm pack`. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
rmSync(path.join(root, 'dist'), { recursive: true, force: true });
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
copyViewer();
process.exitCode = status ?? 1;

/** Swagger UI for the pages of the API, with its license: the package itself is not installed in production. */
function copyViewer() {
  const from = path.join(root, 'node_modules', 'swagger-ui-dist');
  const to = path.join(root, 'dist', 'viewer');
  mkdirSync(to, { recursive: true });
  const names = ['swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'swagger-ui.css'];
  for (const name of [...names, 'LICENSE', 'NOTICE']) {
    cpSync(path.join(from, name), path.join(to, name));
  }
}
