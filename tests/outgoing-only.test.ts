/** Nothing below the composition root has a way out of its own. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';

const SOURCES = path.resolve(import.meta.dirname, '../src');

/** To addresses that the operator names for operation: PUBLIC_URL itself (handed to the doctor, who asks for it under another `Host`, too), Sentry. */
const OPERATION = ['cli/doctor-command.ts', 'doctor/call.ts', 'telemetry/error-reports.ts'];

/** The global `fetch` as a value, or one of node's clients. */
const WAYS_OUT =
  /(?<!typeof )globalThis\.fetch\b|from '(?:node:https|node:http2|undici)'|requestHttp\b/;
const CALL = /(?<![\w.])fetch\(/;
/** A parameter, member or constant of that name: it was handed over. */
const HANDED_OVER = /\bfetch: |\bconst fetch\b|[{,]\s*fetch\s*[,}]|\(fetch\b/;

const leaves = (text: string): boolean =>
  WAYS_OUT.test(text) || (CALL.test(text) && !HANDED_OVER.test(text));

describe('ways out', () => {
  it('SEC-66 there is one for what others name, and those of operation', async () => {
    const files = (await readdir(SOURCES, { recursive: true })).filter((file) =>
      file.endsWith('.ts'),
    );
    const found: string[] = [];
    for (const file of files) {
      if (leaves(await readFile(path.join(SOURCES, file), 'utf8'))) found.push(file);
    }
    expect(found).to.have.members(['outgoing/send.ts', ...OPERATION]);
  });

  it('a way out is seen', () => {
    for (const text of [
      'const answer = await fetch(url);',
      'createThing({ fetch: globalThis.fetch })',
      "import { request } from 'node:https';",
    ]) {
      expect(leaves(text), text).to.equal(true);
    }
    expect(leaves('readonly fetch: typeof globalThis.fetch;')).to.equal(false);
    expect(leaves('const { fetch } = context.outgoing; await fetch(url);')).to.equal(false);
  });
});
