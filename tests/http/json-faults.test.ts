import { expect } from 'chai';
import { findJsonFault } from '../../src/http/json-faults.ts';

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

describe('SEC-90 JSON that has more than one meaning', () => {
  for (const text of [
    '{"a":1,"a":2}',
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"b":[{"a":{}, "a" : []}]}',
    '{"a":"\\"","a":"x"}',
    '[{"a":1},{"b":{"c":1,"d":[1,2,{"e":1}],"c":2}}]',
  ]) {
    it(`two members of one name: ${text}`, () => {
      expect(findJsonFault(text)).to.match(/two members/);
    });
  }

  for (const name of ['__proto__', 'constructor', 'prototype', '\\u005f_proto__']) {
    it(`the name ${name}`, () => {
      for (const text of [`{"${name}":{}}`, `{"a":[1,{"b":2,"${name}":null}]}`]) {
        expect(findJsonFault(text), text).to.match(/not allowed/);
      }
    });
  }

  it('nesting beyond 16 levels, also as many as fit into a body', () => {
    expect(findJsonFault(nested(16))).to.equal(undefined);
    expect(findJsonFault(nested(17))).to.match(/deep/);
    expect(findJsonFault(nested(16_000))).to.match(/deep/);
  });

  for (const text of [
    '{"a":{"a":{"a":"a"}},"b":["a","a","b"],"c":"{\\"c\\":1,\\"c\\":2}"}',
    '[{"a":1},{"a":1}]',
    '["__proto__","__proto__",{"x":"constructor"}]',
    '{"a":"\\\\","b":"\\\\\\"","c":",\\"a\\":"}',
    '{"":1," ":2,"A":3,"a":4}',
    '"text"',
    'null',
    '12',
    '{}',
  ]) {
    it(`is not ${text}`, () => {
      expect(findJsonFault(text)).to.equal(undefined);
    });
  }

  it('costs milliseconds for the largest body', () => {
    const hostile = [
      `{"a":"${'\\"'.repeat(15_000)}"}`,
      `{${Array.from({ length: 4000 }, (_, n) => `"k${n}":1`).join(',')}}`,
      `["${'"'.repeat(30_000)}`,
    ];
    const before = process.hrtime.bigint();
    for (const text of hostile) findJsonFault(text);
    expect(Number(process.hrtime.bigint() - before) / 1e6).to.be.below(500);
  });
});
