#!/usr/bin/env node
/**
 * Installs the dependencies when node_modules is not what package-lock.json asks for. npm start, dev, demo and test
 * begin with it: npm runs no pre-scripts where .npmrc says ignore-scripts. Runs on any Node from 18 on and imports
 * nothing that would have to be installed.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// Whoever installed without development dependencies may start, but not test.
const needsDev = process.env.npm_lifecycle_event !== 'start';

/** The packages of a lock file by path; undefined when there is no such file. */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(root + file, 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    // Cut off by a crash in the middle of an install.
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** Contents, not dates: a checkout or a copy gives every file a new date. Platform packages may be missing. */
function isUpToDate(wanted, installed) {
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.link) return true;
    const found = installed[path];
    if (found) return found.version === entry.version && found.integrity === entry.integrity;
    return entry.optional || ((entry.dev || entry.devOptional) && !needsDev);
  });
}

/** npm as it was called; on its own Node, since ours may be the one in node_modules that it replaces. */
function install() {
  console.log(
    'Installing the dependencies (npm ci): once, and after each change of package-lock.json.',
  );
  const args = ['ci', '--loglevel=error', ...(needsDev ? ['--include=dev'] : [])];
  const { npm_execpath: npm, npm_node_execpath: node = process.execPath } = process.env;
  const [command, ...rest] = npm ? [node, npm, ...args] : ['npm', ...args];
  const { status, error } = spawnSync(command, rest, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status === 0) return 0;
  console.error(
    `npm ci failed${error ? `: ${error.message}` : ''}: see above, then run it by hand.`,
  );
  return status ?? 1;
}

const wanted = readPackages('package-lock.json');
const installed = readPackages('node_modules/.package-lock.json');
if (wanted && !(installed && isUpToDate(wanted, installed))) process.exitCode = install();
