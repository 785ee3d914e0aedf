/** Which parameters the stored password hashes have is read off this index, a row for each kind, whatever the number of users. */

const UP = `CREATE INDEX users_hash_parameters ON users (split_part(password_hash, '$', 4))
  WHERE password_hash IS NOT NULL`;

module.exports = {
  up: (queryInterface) => queryInterface.sequelize.query(UP),
  down: (queryInterface) => queryInterface.sequelize.query('DROP INDEX users_hash_parameters'),
};
