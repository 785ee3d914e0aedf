#!/usr/bin/env node
/** Runs the command line on a Node that is new enough: this one, or the one among our dependencies. */
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Type stripping without a flag. */
function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}

/** The `node` that npm linked for us, here or, when we are a dependency ourselves, in a folder above. */
function findOwnNode() {
  for (let folder = root; ; folder = path.dirname(folder)) {
    const node = path.join(folder, 'node_modules/.bin/node');
    if (existsSync(node) && realpathSync(node) !== realpathSync(process.execPath)) return node;
    if (folder === path.dirname(folder)) return undefined;
  }
}

/** In place of this process as far as one can tell: the same arguments, signals and exit code. */
function runOn(node) {
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, AUTHSRV_ON_OWN_NODE: '1' },
  });
  const forward = (signal) => child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];
  for (const signal of signals) process.on(signal, forward);
  child.on('error', (error) => fail(`Cannot run ${node}: ${error.message}`));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

function fail(line) {
  console.error(line);
  process.exitCode = 1;
}

/** The sources in a checkout; Node strips no types below node_modules, so a package brings its build. */
async function runHere() {
  const isCheckout =
    existsSync(path.join(root, 'src/cli/main.ts')) &&
    !root.split(path.sep).includes('node_modules');
  // Compiled and stripped of types once: half a second of every start. Not under /tmp, where others may write. Coverage
  // needs functions as they were compiled.
  if (!process.env.NODE_V8_COVERAGE) {
    module.enableCompileCache(path.join(root, 'node_modules/.cache/authsrv'));
  }
  const main = isCheckout ? '../src/cli/main.ts' : '../dist/src/cli/main.js';
  try {
    const cli = await import(new URL(main, import.meta.url).href);
    await cli.main(process.argv.slice(2));
  } catch (error) {
    if (!isWithoutNativePart(error)) throw error;
    fail(
      'A native package is missing (argon2, which hashes passwords). Install with plain "npm ci", without --omit=optional; ' +
        'DATABASE_URL names a database in place of the embedded one.',
    );
  }
}

/** What packages of napi-rs say when npm left out, or did not find, the one for this platform. */
const isWithoutNativePart = (error) => /^Cannot find native binding/.test(error?.message ?? '');

if (isNewEnough(process.versions.node)) {
  await runHere();
} else {
  const node = process.env.AUTHSRV_ON_OWN_NODE ? undefined : findOwnNode();
  if (node) runOn(node);
  else {
    fail(
      `authsrv needs Node 22.18 or newer, and this is ${process.versions.node}. "npm ci" without --omit=optional brings one.`,
    );
  }
}
