/** What can go wrong with the embedded PostgreSQL; every message is one line that says what to do. */

/** No PostgreSQL can run here: the npm package is missing or made for another system. */
export class PostgresUnavailable extends Error {
  override readonly name = 'PostgresUnavailable';

  constructor(reason: string, options?: ErrorOptions) {
    super(
      `The embedded PostgreSQL cannot run here (${reason}): set DATABASE_URL to a PostgreSQL 15 or newer.`,
      options,
    );
  }
}

/** Another process holds the data directory and did not give it up in time. */
export class DataDirectoryInUse extends Error {
  override readonly name = 'DataDirectoryInUse';
  /** The process that holds it. */
  readonly pid: number;

  constructor(dataDir: string, holder: string, pid: number) {
    super(`The data directory ${dataDir} is in use by ${holder} with pid ${pid}.`);
    this.pid = pid;
  }
}

/** PostgreSQL or initdb ended with an error of its own, which the message repeats. */
export class PostgresFailed extends Error {
  override readonly name: string = 'PostgresFailed';
}

/** PostgreSQL found another server on the data directory, or what is left of a killed one. */
export class DirectoryOccupied extends PostgresFailed {
  override readonly name = 'DirectoryOccupied';
}
