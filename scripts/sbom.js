/**
 * `npm run sbom`: what production consists of, as CycloneDX 1.5 JSON on standard output, by the lock file. `npm sbom` leaves
 * packages out that the tests need in another version.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const { name, version, packages } = JSON.parse(
  readFileSync(path.join(root, 'package-lock.json'), 'utf8'),
);

const components = Object.entries(packages)
  .filter(([location, { dev, devOptional }]) => location !== '' && !dev && !devOptional)
  .map(([location, locked]) => componentOf(location.split('node_modules/').at(-1), locked));

const sbom = {
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  version: 1,
  metadata: { component: { type: 'application', name, version } },
  components,
};
process.stdout.write(`${JSON.stringify(sbom, undefined, 2)}\n`);

function componentOf(name, { version, integrity, license, optional }) {
  const content = integrity && Buffer.from(integrity.split('-')[1], 'base64').toString('hex');
  return {
    type: 'library',
    name,
    version,
    scope: optional ? 'optional' : 'required',
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...(content ? { hashes: [{ alg: 'SHA-512', content }] } : {}),
    ...(license ? { licenses: [{ expression: license }] } : {}),
  };
}
