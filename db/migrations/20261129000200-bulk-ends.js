/**
 * A user of whom much is kept is deleted in batches: `deleting_at` says that it has begun, so that whoever finds it goes on.
 * What people allowed a client is found by the client. The indexes are built beside the running server, which takes as
 * long as it takes; one whose build was broken off is no index, and is built anew.
 */

const INDEXES = {
  users_deleting: 'users (deleting_at) WHERE deleting_at IS NOT NULL',
  consents_client: 'consents (client_id)',
};

module.exports = {
  async up({ sequelize }) {
    await sequelize.query('ALTER TABLE users ADD COLUMN IF NOT EXISTS deleting_at timestamptz');
    for (const [name, columns] of Object.entries(INDEXES)) {
      await sequelize.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
      await sequelize.query(`CREATE INDEX CONCURRENTLY ${name} ON ${columns}`);
    }
  },

  async down({ sequelize }) {
    for (const name of Object.keys(INDEXES)) {
      await sequelize.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
    }
    await sequelize.query('ALTER TABLE users DROP COLUMN deleting_at');
  },
};
