/** A connection on which a test says and hears every byte. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawConnection {
  readonly socket: Socket;
  /** What the server has said so far. */
  received(): string;
  /** Whether the server has ended it. */
  isOver(): boolean;
}

export async function openRawConnection(port: number, first = ''): Promise<RawConnection> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let isOver = false;
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  // Cut off while we speak: that is what some tests wait for.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    isOver = true;
  });
  await once(socket, 'connect');
  if (first) socket.write(first);
  return { socket, received: () => text, isOver: () => isOver };
}
