import { expect } from 'chai';
import { defineProblems, ProblemError } from '../../src/kernel/problem.ts';

const problems = defineProblems('garden', {
  gateLocked: { status: 409, title: 'The gate is locked', detail: 'Ask the gardener.' },
  noSuchBed2: { status: 404, title: 'There is no such bed', retryAfter: 3, challenge: 'Bearer' },
});

describe('problems', () => {
  it('have a type that names owner and problem', () => {
    expect(problems.gateLocked.type).to.equal('urn:problem:garden:gate-locked');
    expect(problems.noSuchBed2.type).to.equal('urn:problem:garden:no-such-bed2');
  });

  it('describe themselves without being thrown', () => {
    expect(problems.gateLocked).to.include({ status: 409, title: 'The gate is locked' });
    expect(problems.noSuchBed2).to.include({ retryAfter: 3, challenge: 'Bearer' });
  });

  it('make errors with a stack of where they were made', () => {
    const error = problems.gateLocked();
    expect(error).to.be.instanceOf(ProblemError).and.instanceOf(Error);
    expect(error.message).to.equal('The gate is locked');
    expect(error.name).to.equal('ProblemError');
    expect(error.problem.type).to.equal('urn:problem:garden:gate-locked');
    expect(error.problem.status).to.equal(409);
    expect(error.details).to.deep.equal({});
    expect(error.stack).to.contain('problem.test.ts');
  });

  it('keep details, and the cause for the log', () => {
    const cause = new Error('rust');
    const errors = [{ pointer: '#/key', detail: 'does not fit' }];
    const error = problems.gateLocked({ detail: 'Come back later.', errors, cause });
    expect(error.details).to.include({ detail: 'Come back later.', errors, cause });
    expect(error.cause).to.equal(cause);
  });

  it('of one catalogue are told apart by their type', () => {
    const [one, two] = [problems.gateLocked(), problems.noSuchBed2()];
    expect(one.problem.type).not.to.equal(two.problem.type);
    expect(problems.gateLocked().problem.type).to.equal(one.problem.type);
  });
});
