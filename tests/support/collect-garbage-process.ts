/** Preloaded into a server process (`NODE_OPTIONS=--import=…`): SIGUSR2 collects its garbage, so that its heap can be compared. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
process.on('SIGUSR2', () => collect());
