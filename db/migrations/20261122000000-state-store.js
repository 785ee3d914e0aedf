/** The state store without Redis: records that may be lost as a whole, and rate-limit counters. */

const UP = [
  `CREATE TABLE IF NOT EXISTS state_store (
    key text PRIMARY KEY,
    value text NOT NULL,
    uses integer NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL)
    WITH (autovacuum_vacuum_scale_factor = 0.05)`,
  'CREATE INDEX IF NOT EXISTS state_store_expiry ON state_store (expires_at)',
  // Changed on every request, so without an index on what changes: the row is updated in its page.
  `CREATE UNLOGGED TABLE IF NOT EXISTS rate_buckets (
    key text PRIMARY KEY,
    tokens double precision NOT NULL,
    allowed boolean NOT NULL,
    charged_at timestamptz NOT NULL,
    full_at timestamptz NOT NULL)
    WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)`,
];

module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      for (const sql of UP) await queryInterface.sequelize.query(sql, { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.query('DROP TABLE rate_buckets, state_store');
  },
};
