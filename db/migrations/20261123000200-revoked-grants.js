/**
 * Ended grants deny their access tokens, and readers follow the table without missing a row: `xid` is the
 * transaction that wrote it, which tells what a snapshot could see. Rows that are there count as this one's.
 */

const UP = [
  'ALTER TABLE revocations ADD COLUMN gid text',
  'ALTER TABLE revocations ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()',
  'CREATE INDEX revocations_xid ON revocations (xid)',
];

module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      for (const sql of UP) await queryInterface.sequelize.query(sql, { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.query(
      'ALTER TABLE revocations DROP COLUMN xid, DROP COLUMN gid',
    );
  },
};
