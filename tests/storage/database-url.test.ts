import { expect } from 'chai';
import { Client } from 'pg';
import { checkDatabaseUrl } from '../../config/rules.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { parseDatabaseUrl } from '../../src/storage/database-url.ts';
import { silentLog } from '../support/log.ts';
import { postgresUrl } from '../support/service-urls.ts';

const of = (url: string) => parseDatabaseUrl(url).config;

describe('DATABASE_URL', () => {
  it('B-18 is decoded in each of its parts', () => {
    expect(
      of('postgresql://a%40b%3A:p%40s%2Fw%23r%3Fd%25+%26@db:5433/we%23ird%3Fdb'),
    ).to.deep.equal({
      host: 'db',
      port: 5433,
      user: 'a@b:',
      password: 'p@s/w#r?d%+&',
      database: 'we#ird?db',
    });
    expect(of('postgres://u:p%C3%A4ss wörd@h/a%2Fb+c%26d%20ü')).to.include({
      password: 'päss wörd',
      database: 'a/b+c&d ü',
    });
    // As before: nothing else can be meant.
    expect(of('postgres://me@tenant:p@ss:100%@h/db')).to.include({
      user: 'me@tenant',
      password: 'p@ss:100%',
      host: 'h',
    });
  });

  const places: readonly (readonly [url: string, place: object])[] = [
    ['postgres://u:p@/db?host=/run/x', { host: '/run/x', port: 5432, user: 'u', database: 'db' }],
    ['postgres:///db?host=/run/a%20b+c&port=5433', { host: '/run/a b+c', port: 5433 }],
    ['postgres://u@:5433/db?host=%2Frun%2Fx', { host: '/run/x', port: 5433 }],
    ['postgres://u@%2Frun%2Fx:5433/db', { host: '/run/x', port: 5433, ssl: false }],
    ['postgres://u@h/db?host=/run/x&sslmode=require', { host: '/run/x', ssl: false }],
    ['postgres://[::1]:5433/db', { host: '::1', port: 5433 }],
    ['postgres://u@[fe80::1%25eth0]/db', { host: 'fe80::1%eth0', port: 5432 }],
    ['postgres://@h/db', { host: 'h' }],
    ['postgres://h', { host: 'h', port: 5432 }],
    ['postgres://', { host: 'localhost', port: 5432 }],
    [
      'postgres://h/db?port=5433&user=u&password=p%26&dbname=other',
      { port: 5433, user: 'u', password: 'p&', database: 'other' },
    ],
    ['postgres://h/db?user=me@tenant', { user: 'me@tenant' }],
  ];
  for (const [url, place] of places) {
    it(`B-18 reads ${url}`, () => {
      expect(of(url)).to.deep.include(place);
    });
  }

  it('B-18 takes the parameters of libpq that mean something here, and names the others', () => {
    const url =
      'postgres://h/db?application_name=a%20b&connect_timeout=10&options=-c%20geqo%3Doff&sslmode=verify-full&target_session_attrs=read-write&schema=public&pgbouncer=true';
    expect(parseDatabaseUrl(url)).to.deep.equal({
      config: {
        host: 'h',
        port: 5432,
        database: 'db',
        application_name: 'a b',
        connectionTimeoutMillis: 10_000,
        options: '-c geqo=off',
        ssl: {},
      },
      ignored: ['schema', 'pgbouncer'],
    });
    expect(of('postgres://h/db?sslmode=disable').ssl).to.equal(false);
    expect(of('postgres://h/db?sslmode=verify-full&sslrootcert=system').ssl).to.deep.equal({});
    expect(of('postgres://h/db?sslmode=no-verify').ssl).to.deep.equal({
      rejectUnauthorized: false,
    });
    expect(of('postgres://h/db?connect_timeout=0')).to.not.have.property('connectionTimeoutMillis');
  });

  const faulty: readonly (readonly [url: string, fault: RegExp])[] = [
    ['mysql://u:planted@h/db', /starts with postgres:\/\/ or postgresql:/],
    ['', /starts with postgres/],
    ['postgres://u:p@planted/w#rd@h/db', /# as %23/],
    ['postgres://u:planted/x@h/db', /\/ as %2F/],
    ['postgres://u:12/planted@h/db', /\/ as %2F/],
    ['postgres://u:12?planted@h/db', /\? as %3F/],
    ['postgres://u:12?planted=x@h/db', /\? as %3F/],
    ['postgres://u:12?planted&x@h/db', /\? as %3F/],
    ['postgres://u:12#planted@h/db', /# as %23/],
    ['postgres://h/planted#db', /# as %23/],
    ['postgres://u:planted%ff@h/db', /no UTF-8 text; write % as %25/],
    ['postgres://u:planted%00@h/db', /no UTF-8 text/],
    ['postgres://u:planted@a:5432,b:5432/db', /several hosts.*name one that leads to the primary/],
    ['postgres://u:planted@/db?host=a,b', /several hosts/],
    ['postgres://u:planted@h:x/db', /must name its host/],
    ['postgres://u:planted@h:65536/db', /must name its host/],
    ['postgres://u:planted@h/db?port=0', /must name its host/],
    ['postgres://u:planted@[::1/db', /must name its host/],
    ['postgres://u:planted@a b/db', /must name its host/],
    ['postgres://h/db?planted', /a parameter without a value/],
    ['postgres://h/db?service=planted', /service, which is not supported/],
    ['postgres://h/db?passfile=planted', /passfile, which is not supported/],
    ['postgres://h/db?hostaddr=10.0.0.1', /hostaddr, which is not supported/],
    ['postgres://h/db?target_session_attrs=standby', /only a primary takes writes/],
    ['postgres://h/db?sslmode=requird', /sslmode that is none of disable/],
    ['postgres://h/db?sslmode=verify-full&sslrootcert=/nowhere', /TLS parameters.*ENOENT/],
    ['postgres://h/db?connect_timeout=planted', /no number of seconds/],
  ];
  for (const [url, fault] of faulty) {
    it(`B-18 SEC-94 refuses "${url}" without a word of what may be the password`, () => {
      const message = checkDatabaseUrl(url);
      expect(message).to.match(fault).and.not.include('planted');
    });
  }

  it('B-18 reaches a database, as a user with a password, of any name', async () => {
    const admin = new Client(of(postgresUrl()));
    await admin.connect();
    const name = `we#ird?/ +&%41 ü@"'${process.pid}`;
    const quoted = admin.escapeIdentifier(name);
    await admin.query(`CREATE DATABASE ${quoted}`);
    await admin.query(`CREATE ROLE ${quoted} LOGIN PASSWORD ${admin.escapeLiteral(name)}`);
    const encoded = encodeURIComponent(name);
    const url = postgresUrl().replace(
      /^(\w+:\/\/)[^@]*@([^/?]*)[^?]*/,
      `$1${encoded}:${encoded}@$2/${encoded}`,
    );
    const database = openDatabase({
      connection: { connectionString: url },
      poolSize: 2,
      log: silentLog,
    });
    try {
      const statement = { name: 'who', text: 'SELECT current_database() AS db, user AS role' };
      expect(await database.query(statement, [])).to.deep.equal([{ db: name, role: name }]);
    } finally {
      await database.close();
      await admin.query(`DROP DATABASE ${quoted} WITH (FORCE)`);
      await admin.query(`DROP ROLE ${quoted}`);
      await admin.end();
    }
  });
});
