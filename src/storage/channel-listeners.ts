/** Who listens to which channel; the wire is joined for the first listener and left after the last. */
import type { Log } from '../kernel/plugin.ts';

export type Listener = (message: string) => void;

export interface Wire {
  /** Resolves when messages of the channel arrive. */
  join(channel: string): Promise<void>;
  leave(channel: string): Promise<void>;
}

export interface ChannelListeners {
  add(channel: string, listener: Listener): Promise<() => Promise<void>>;
  deliver(channel: string, message: string): void;
  channels(): readonly string[];
}

interface Channel {
  readonly joined: Promise<void>;
  readonly listeners: Set<{ readonly call: Listener }>;
}

export function createChannelListeners(wire: Wire, log: Log): ChannelListeners {
  const channels = new Map<string, Channel>();

  function open(name: string): Channel {
    const channel = { joined: wire.join(name), listeners: new Set<{ call: Listener }>() };
    channels.set(name, channel);
    return channel;
  }

  async function remove(name: string, channel: Channel, entry: { call: Listener }) {
    const last = channel.listeners.delete(entry) && channel.listeners.size === 0;
    if (!last || channels.get(name) !== channel) return;
    channels.delete(name);
    await wire.leave(name);
  }

  return {
    async add(name, listener) {
      const channel = channels.get(name) ?? open(name);
      // An object of its own, so that one function may listen twice.
      const entry = { call: listener };
      channel.listeners.add(entry);
      try {
        await channel.joined;
      } catch (error) {
        channel.listeners.delete(entry);
        if (channels.get(name) === channel) channels.delete(name);
        throw error;
      }
      return () => remove(name, channel, entry);
    },
    deliver(name, message) {
      for (const { call } of [...(channels.get(name)?.listeners ?? [])]) {
        try {
          call(message);
        } catch (error) {
          log.error({ event: 'message.failed', channel: name, err: error }, 'a listener failed');
        }
      }
    },
    channels: () => [...channels.keys()],
  };
}
