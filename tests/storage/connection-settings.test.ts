import { expect } from 'chai';
import { clientConfig, sequelizeConnection } from '../../src/storage/connection-settings.ts';

describe('connection settings', () => {
  it('reads a URL with all its parts', () => {
    expect(
      clientConfig({ connectionString: 'postgres://me:p%40ss@db.example:5433/auth' }),
    ).to.include({
      host: 'db.example',
      port: 5_433,
      user: 'me',
      password: 'p@ss',
      database: 'auth',
    });
  });

  it('reads a URL with a socket folder', () => {
    const connection = { connectionString: 'postgres://me@/auth?host=%2Frun%2Fpostgresql' };
    expect(sequelizeConnection(connection)).to.deep.include({
      host: '/run/postgresql',
      username: 'me',
      database: 'auth',
    });
  });

  it('passes TLS on', () => {
    const connectionString = 'postgres://me@db.example/auth?sslmode=verify-full';
    expect(sequelizeConnection({ connectionString }).dialectOptions).to.deep.include({ ssl: {} });
  });

  it('takes the parts as they are', () => {
    const parts = { host: '/tmp/socket', port: 5_432, user: 'me', database: 'auth' };
    expect(clientConfig(parts)).to.deep.equal({ ...parts, ssl: false });
    expect(sequelizeConnection(parts)).to.deep.equal({
      dialect: 'postgres',
      host: '/tmp/socket',
      port: 5_432,
      username: 'me',
      database: 'auth',
      dialectOptions: { ssl: false },
    });
  });
});
