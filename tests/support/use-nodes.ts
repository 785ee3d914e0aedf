/** Nodes as a fixture: there for all tests of a `describe`. */
import { type Nodes, type RaceStore, startRaceNodes } from './nodes.ts';
import type { TestAppOptions } from './test-app.ts';

/** Milliseconds. */
const START = 120_000;

/** Starts nodes before the tests around it and stops them afterwards. The tests are skipped where this machine has no such store. */
export function useNodes(store: RaceStore, options?: TestAppOptions): Omit<Nodes, 'stop'> {
  let started: Nodes | undefined;
  before(async function () {
    this.timeout(START);
    started = (await startRaceNodes(store, options)) ?? this.skip();
  });
  after(() => started?.stop());
  const nodes = (): Nodes => {
    if (!started) throw new Error('the nodes are there while tests run');
    return started;
  };
  return {
    get local() {
      return nodes().local;
    },
    get processes() {
      return nodes().processes;
    },
    start: (settings) => nodes().start(settings),
  };
}
