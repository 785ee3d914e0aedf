/** `npm run api-transcript`: runs the calls of docs/api.md against a server of its own and writes down the answers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withTranscript } from './api-transcript/document.ts';
import { startStandIn } from './api-transcript/stand-in.ts';
import { chapters } from './api-transcript/steps.ts';
import { transcribe } from './api-transcript/transcript.ts';

const root = path.resolve(import.meta.dirname, '..');
const file = path.join(root, 'docs/api.md');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

const dataDir = await mkdtemp(path.join(tmpdir(), 'api-transcript-data-'));
const port = await freePort();
const issuer = `http://localhost:${port}`;
const standIn = await startStandIn();
const settings = { DATA_DIR: dataDir, PORT: String(port), PUBLIC_URL: issuer };
const server = spawn(process.execPath, [path.join(root, 'bin/authsrv.js'), 'start'], {
  env: { PATH: process.env['PATH'] ?? '', HOME: dataDir, ...settings, ...standIn.settings },
  stdio: 'ignore',
});
try {
  const isReady = () =>
    fetch(`${issuer}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) {
    if (server.exitCode !== null) throw new Error('The server did not start');
    await delay(100);
  }
  const transcript = await transcribe(chapters, { issuer, settings, upstream: standIn.issuer });
  await writeFile(file, withTranscript(await readFile(file, 'utf8'), transcript));
} finally {
  server.kill();
  if (server.exitCode === null) await once(server, 'exit');
  await standIn.close();
  await rm(dataDir, { recursive: true });
}
