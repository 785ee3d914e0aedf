/** What an upgrade may do to tables in use: columns and an index more, nothing less. */
module.exports = {
  async up(queryInterface) {
    for (const table of ['users', 'sessions', 'grants', 'clients', 'roles']) {
      await queryInterface.sequelize.query(`ALTER TABLE ${table} ADD COLUMN next_version text`);
    }
    await queryInterface.sequelize.query('CREATE INDEX next_users ON users (next_version)');
  },

  async down(queryInterface) {
    await queryInterface.sequelize.query('DROP INDEX next_users');
    for (const table of ['users', 'sessions', 'grants', 'clients', 'roles']) {
      await queryInterface.sequelize.query(`ALTER TABLE ${table} DROP COLUMN next_version`);
    }
  },
};
