/** Users, roles, sessions, grants, clients, consents, keys and revocations. */

const UP = [
  `CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    email_canonical text NOT NULL CONSTRAINT users_email_canonical_key UNIQUE,
    email_verified boolean NOT NULL DEFAULT false,
    password_hash text,
    name text,
    locale text,
    roles_ver integer NOT NULL DEFAULT 1,
    disabled_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL)`,
  `CREATE TABLE roles (
    id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT roles_name_key UNIQUE,
    description text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL)`,
  `CREATE TABLE user_roles (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role_id uuid NOT NULL REFERENCES roles ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, role_id))`,
  'CREATE INDEX user_roles_role_id ON user_roles (role_id)',
  `CREATE TABLE clients (
    id text PRIMARY KEY,
    name text NOT NULL,
    secret_hash text,
    metadata jsonb NOT NULL,
    first_party boolean NOT NULL DEFAULT false,
    allowed_scopes text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL)`,
  `CREATE TABLE consents (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    client_id text NOT NULL REFERENCES clients ON DELETE CASCADE,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, client_id))`,
  `CREATE TABLE sessions (
    id text PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    amr text[] NOT NULL,
    device text NOT NULL,
    ip text NOT NULL,
    auth_time timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text)`,
  'CREATE INDEX sessions_live ON sessions (user_id, created_at DESC) WHERE ended_at IS NULL',
  `CREATE TABLE login_history (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    session_id text NOT NULL,
    method text NOT NULL,
    device text NOT NULL,
    ip text NOT NULL,
    auth_date timestamptz NOT NULL,
    logout_date timestamptz,
    PRIMARY KEY (id, auth_date)) PARTITION BY RANGE (auth_date)`,
  'CREATE TABLE login_history_default PARTITION OF login_history DEFAULT',
  'CREATE INDEX login_history_user ON login_history (user_id, auth_date DESC, id)',
  'CREATE INDEX login_history_session ON login_history (session_id, auth_date DESC)',
  `CREATE TABLE grants (
    id text PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    client_id text NOT NULL,
    session_id text,
    payload jsonb NOT NULL,
    offline boolean NOT NULL DEFAULT false,
    rotation integer NOT NULL DEFAULT 0,
    rotation_salt text,
    rotated_at timestamptz,
    last_code_hash text,
    code_used_at timestamptz,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text)`,
  'CREATE INDEX grants_user ON grants (user_id) WHERE ended_at IS NULL',
  'CREATE INDEX grants_session ON grants (session_id) WHERE ended_at IS NULL',
  'CREATE INDEX grants_client ON grants (client_id) WHERE ended_at IS NULL',
  'CREATE INDEX grants_expiry ON grants (expires_at)',
  `CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    alg text NOT NULL,
    status text NOT NULL DEFAULT 'current',
    private_jwk text NOT NULL,
    created_at timestamptz NOT NULL)`,
  `CREATE UNIQUE INDEX signing_keys_current ON signing_keys (alg) WHERE status = 'current'`,
  `CREATE TABLE revocations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sub uuid,
    sid text,
    jti text,
    roles_ver integer,
    created_at timestamptz NOT NULL)`,
  'CREATE INDEX revocations_created_at ON revocations (created_at)',
];

const TABLES =
  'revocations signing_keys grants login_history sessions consents clients user_roles roles users';

module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      for (const sql of UP) await queryInterface.sequelize.query(sql, { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.query(`DROP TABLE ${TABLES.split(' ').join(', ')} CASCADE`);
  },
};
