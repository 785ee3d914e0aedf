import { expect } from 'chai';
import { ConfigError } from '../../config/config-error.ts';
import { describeFailure } from '../../src/cli/describe-failure.ts';
import { CommandError, PluginError } from '../../src/kernel/plugin.ts';
import { defineProblems } from '../../src/kernel/problem.ts';
import { StoreUnavailable } from '../../src/kernel/store.ts';

const problems = defineProblems('test', {
  plain: { status: 409, title: 'The name is taken' },
  detailed: { status: 400, title: 'The input is not valid', detail: 'See below.' },
});

describe('failure of a command', () => {
  it('is one line where a person can mend it', () => {
    expect(describeFailure(new CommandError('There is no user "x".'))).to.equal(
      'There is no user "x".',
    );
    expect(describeFailure(new PluginError('Plugins clash'))).to.equal('Plugins clash');
    expect(describeFailure(problems.plain())).to.equal('The name is taken');
  });

  it('names each fault of the input', () => {
    const errors = [
      { pointer: '#/email', detail: 'is no address' },
      { pointer: '#/name', detail: 'is too long' },
    ];
    expect(describeFailure(problems.detailed({ errors }))).to.equal(
      'The input is not valid: See below.; email: is no address; name: is too long',
    );
  });

  it('names every fault of the settings', () => {
    expect(describeFailure(new ConfigError(['PORT: a', 'HOST: b', 'PORT: a']))).to.equal(
      'Settings are not usable:\n  - PORT: a\n  - HOST: b',
    );
  });

  it('names what a store failed of, at the bottom of it', () => {
    const refused = new AggregateError([
      new Error('connect ECONNREFUSED ::1:5432'),
      new Error('connect ECONNREFUSED 127.0.0.1:5432'),
    ]);
    const lost = new StoreUnavailable('PostgreSQL did not answer', { cause: refused });
    expect(describeFailure(lost)).to.equal(
      'PostgreSQL did not answer: connect ECONNREFUSED ::1:5432; connect ECONNREFUSED 127.0.0.1:5432',
    );
    const wrapped = new StoreUnavailable('Redis did not answer', { cause: new Error('NOAUTH') });
    expect(describeFailure(wrapped)).to.equal('Redis did not answer: NOAUTH');
  });

  it('is what the system says of a file or a socket', () => {
    const system = Object.assign(new Error('EACCES: permission denied, mkdir /x'), {
      code: 'EACCES',
      syscall: 'mkdir',
    });
    expect(describeFailure(system)).to.equal('EACCES: permission denied, mkdir /x');
  });

  it('is the whole story where it is a bug', () => {
    expect(describeFailure(new TypeError('x is not a function'))).to.match(
      /^TypeError: x is not a function\n\s+at /,
    );
    expect(describeFailure('thrown text')).to.equal('thrown text');
  });
});
