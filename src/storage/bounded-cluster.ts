import { Cluster, type Command } from 'ioredis';

/** Milliseconds for a command, all redirections included. */
const COMMAND = 500;

/**
 * ioredis' Cluster with commands that are over in time. By itself it either refuses all but the first command for a
 * node it has yet to connect to, which would be felt whenever slots move, or lets commands wait without end.
 */
export class BoundedCluster extends Cluster {
  override sendCommand(command: Command, ...rest: SendArguments): unknown {
    // It had been waiting in a queue, and its caller was told that it failed.
    if (command.isSettled) return command.promise;
    if (this.status !== 'ready' && command.name !== 'cluster') {
      command.reject(new Error(`The connection to the Cluster is ${this.status}`));
      return command.promise;
    }
    command.setTimeout(COMMAND);
    return super.sendCommand(command, ...rest);
  }
}

type SendArguments =
  Parameters<Cluster['sendCommand']> extends [unknown, ...infer Rest] ? Rest : never;
