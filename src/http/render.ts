/** Renders the hosted pages: a view's name and its locals in, HTML text out. Knows no Koa and sets no header. */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Eta } from 'eta';

export interface RendererOptions {
  /** The `views` folder; every template in it is compiled at once. */
  readonly folder: string;
  /** Path of the style sheet's folder as the browser asks for it, without a slash at the end: `/assets`. */
  readonly assetBase: string;
  readonly productName: string;
  /** Folders of plugins; their views are called `@<name>/<view>`. */
  readonly plugins?: readonly { readonly name: string; readonly folder: string }[];
}

/**
 * Renders `<folder>/<view>.eta`; `views/README.md` names each view's locals.
 * Throws Eta's `EtaFileResolutionError` when there is no such view, and `EtaRuntimeError` when it prints a local that it
 * was not given.
 */
export type Renderer = (view: string, locals: Record<string, unknown>) => string;

/**
 * Compiles all templates, so that a broken or missing one stops the start and no request reads a file.
 * Values are HTML-escaped wherever a template prints them with `<%= %>`.
 */
export function createRenderer(options: RendererOptions): Renderer {
  const { folder, assetBase, productName, plugins = [] } = options;
  const eta = new Eta({
    views: resolve(folder),
    cache: true,
    autoEscape: true,
    autoFilter: true,
    filterFunction: refuseMissing,
    // Errors then name the template and its line; they never quote a local.
    debug: true,
  });
  compileAll(eta, resolve(folder));
  for (const plugin of plugins) addViews(eta, plugin);
  return (view, locals) => eta.render(view, { ...locals, assetBase, productName });
}

function compileAll(eta: Eta, folder: string): void {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.eta')) continue;
    const filepath = join(folder, file);
    eta.templatesSync.define(filepath, eta.compile(eta.readFile(filepath), { filepath }));
  }
}

function addViews(eta: Eta, { name, folder }: { name: string; folder: string }): void {
  for (const file of readdirSync(folder)) {
    if (!file.endsWith('.eta')) continue;
    eta.loadTemplate(`@${name}/${file.slice(0, -4)}`, eta.readFile(join(folder, file)));
  }
}

/** A page that shows or posts the word "undefined" is worse than none. */
function refuseMissing(value: unknown): string {
  if (value === undefined || value === null) {
    throw new TypeError('A view prints a local that it was not given');
  }
  return String(value);
}
