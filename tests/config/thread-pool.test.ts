import { expect } from 'chai';
import { ensureThreadPool } from '../../config/load.ts';

describe('size of the thread pool', () => {
  const sizeOf = (given?: string): string | undefined => {
    const target: Record<string, string | undefined> = { UV_THREADPOOL_SIZE: given };
    ensureThreadPool(6, target);
    return target['UV_THREADPOOL_SIZE'];
  };

  it('is raised to what is needed', () => {
    expect([undefined, '', '4', 'many'].map(sizeOf)).to.deep.equal(['6', '6', '6', '6']);
  });

  it('is left alone when it is larger', () => {
    expect(sizeOf('20')).to.equal('20');
  });
});
