/**
 * Preloaded into a server process (`NODE_OPTIONS=--import=…`): its clock is off by as many milliseconds as the file
 * SKEW_FILE says, also when that changes; `<SKEW_FILE>.seen` says that it has. Timers go on as they are, as after a
 * step of a machine's clock.
 */
import { readFileSync, writeFileSync } from 'node:fs';

/** Milliseconds between two looks into the file. */
const LOOK = 20;

const file = process.env['SKEW_FILE'] ?? '';
const RealDate = Date;
let skew = 0;

function look(): void {
  const text = readFileSync(file, 'utf8');
  if (text === '' || Number(text) === skew) return;
  skew = Number(text);
  writeFileSync(`${file}.seen`, text);
}

class SkewedDate extends RealDate {
  constructor(...given: [] | ConstructorParameters<DateConstructor>) {
    if (given.length === 0) super(RealDate.now() + skew);
    else super(...given);
  }

  static override now(): number {
    return RealDate.now() + skew;
  }
}

globalThis.Date = SkewedDate as DateConstructor;
setInterval(look, LOOK).unref();
