import { expect } from 'chai';
import { z } from 'zod';
import { describeSettings, exampleEnvironment } from '../../config/describe.ts';

const plugin = {
  name: 'mail',
  settings: z.object({
    MAIL_FROM: z.string().default('nobody@example.com').describe('Sender of all mail.'),
    MAIL_PASSWORD: z.string().optional().meta({ secret: true }).describe('Password of the relay.'),
  }),
};

const find = (environment: Record<string, string>, name: string, effective = {}) =>
  describeSettings(environment, [plugin], effective).find((setting) => setting.name === name);

describe('description of the settings', () => {
  it('says what applies and where it comes from', () => {
    expect(find({}, 'PORT')).to.include({ owner: 'core', value: '3000', source: 'default' });
    expect(find({ PORT: '80' }, 'PORT')).to.include({ value: '80', source: 'environment' });
    expect(find({}, 'MAIL_FROM')).to.deep.equal({
      name: 'MAIL_FROM',
      owner: 'mail',
      description: 'Sender of all mail.',
      isSecret: false,
      value: 'nobody@example.com',
      source: 'default',
    });
    const fromFile = find({ MAIL_FROM: 'a', MAIL_FROM_FILE: '/run/from' }, 'MAIL_FROM');
    expect(fromFile).to.include({ value: 'a', source: 'file' });
  });

  it('SEC-95 masks secrets, whatever they look like', () => {
    const secrets = {
      SECRET_KEY: 'planted-1',
      DATABASE_URL: 'postgres://admin:planted-2@db/auth',
      REDIS_URL: 'redis://:planted-3@cache',
      MAIL_PASSWORD: 'planted-4',
    };
    const text = JSON.stringify(describeSettings(secrets, [plugin]));
    expect(text).to.not.contain('planted');
    for (const name of Object.keys(secrets)) {
      expect(find(secrets, name)).to.include({ value: '********', isSecret: true });
    }
  });

  it('shows defaults that depend on other settings', () => {
    const effective = { PUBLIC_URL: 'http://localhost:8080', SECRET_KEY: 'generated' };
    expect(find({}, 'PUBLIC_URL', effective)).to.include({ value: 'http://localhost:8080' });
    expect(find({}, 'SECRET_KEY', effective)).to.include({ value: 'generated' });
    const given = find({ PUBLIC_URL: 'https://x.example' }, 'PUBLIC_URL', effective);
    expect(given).to.include({ value: 'https://x.example' });
  });

  it('becomes the example: a comment and a commented-out default for each', () => {
    const text = exampleEnvironment([plugin]);
    expect(text).to.contain('# Sender of all mail.\n#MAIL_FROM=nobody@example.com\n');
    expect(text).to.contain(
      '# Password of the relay. Also as MAIL_PASSWORD_FILE.\n#MAIL_PASSWORD=\n',
    );
    expect(text.match(/^[^#\n]/m)).to.equal(null);
  });
});
