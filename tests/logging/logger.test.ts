import { Writable } from 'node:stream';
import { expect } from 'chai';
import { createLogger } from '../../src/logging/logger.ts';

function recording() {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { lines, log: createLogger({ level: 'info', destination }) };
}

describe('logger', () => {
  it('writes one JSON line an event, with level and ISO time by name', () => {
    const { lines, log } = recording();
    log.info({ event: 'client.registered', client_id: 'shop' }, 'client registered');
    log.debug({ event: 'unseen' }, 'below the level');
    expect(lines).to.have.lengthOf(1);
    const line = JSON.parse(lines[0] ?? '');
    expect(line).to.include({ level: 'info', event: 'client.registered', client_id: 'shop' });
    expect(Number.isNaN(Date.parse(line.time))).to.equal(false);
  });

  it('SEC-94 hides secrets wherever they lie', () => {
    const { lines, log } = recording();
    const secret = 'CANARY-0123456789';
    const members = [
      'password',
      'refresh_token',
      'code',
      'cookie',
      'authorization',
      'client_secret',
      'email',
    ];
    for (const name of members) {
      log.info({ [name]: secret }, 'top');
      log.info({ body: { [name]: secret } }, 'below');
    }
    expect(lines).to.have.lengthOf(2 * members.length);
    expect(lines.join('')).to.not.contain(secret);
  });

  it('SEC-94 tells of an error its type, message and cause, not what hangs on it', () => {
    const { lines, log } = recording();
    const cause = Object.assign(new Error('connection lost'), {
      parameters: ['CANARY'],
      code: '57P01',
    });
    const failure = new TypeError('query failed', { cause });
    log.error({ err: Object.assign(failure, { code: 'ERR_QUERY' }) }, 'failed');
    log.error({ err: 'only a text' }, 'failed');
    const [first, second] = lines.map((line) => JSON.parse(line).err);
    expect(first).to.include({
      type: 'TypeError',
      message: 'query failed',
      error_code: 'ERR_QUERY',
    });
    expect(first.cause).to.include({ message: 'connection lost', error_code: '57P01' });
    expect(second).to.deep.equal({ message: 'only a text' });
    expect(lines.join('')).to.not.contain('CANARY');
  });

  it('SEC-94 leaves of messages what nobody can have sent, in causes, stacks and reasons too', () => {
    const { lines, log } = recording();
    const sent = 'CANARY-8c1d2f3a-0123-4567-89ab-cdef01234567';
    const cause = new Error(`invalid token ${sent}`);
    const err = new TypeError(`cannot read '${sent}' of ana@example.com`, { cause });
    log.error({ err }, 'failed');
    log.error({ err: `thrown as text: ${sent}` }, 'failed');
    log.warn({ reason: `550 no such user <ana@example.com>`, detail: `bad "${sent}"` }, 'failed');
    expect(lines.join('')).to.not.contain('CANARY').and.not.contain('ana@');
    expect(lines[0]).to.contain('cannot read').and.contain('logger.test.ts');
  });

  it('SEC-94 keeps a line break in a value inside its line', () => {
    const { lines, log } = recording();
    log.warn({ path: '/a\r\n{"level":"error"}' }, 'a forged line');
    expect(lines.join('').trimEnd().split('\n')).to.have.lengthOf(1);
  });
});
