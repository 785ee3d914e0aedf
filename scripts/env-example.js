/** `npm run env-example`: writes `.env.example` from the schemas of the core and of all built-in plugins. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { exampleEnvironment } from '../config/describe.ts';
import { builtIn } from '../src/plugins.ts';

const file = path.resolve(import.meta.dirname, '../.env.example');
writeFileSync(file, exampleEnvironment(builtIn));
