/** A client of server-sent events (WHATWG HTML §9.2), as far as tests need it. */
import { eventually } from './eventually.ts';

export interface ReceivedEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface EventStream {
  readonly status: number;
  readonly headers: Headers;
  /** The body of an answer that is no stream. */
  readonly text: string;
  readonly events: readonly ReceivedEvent[];
  readonly comments: readonly string[];
  readonly retry: number | undefined;
  readonly lastEventId: string | undefined;
  readonly isOver: boolean;
  /** Resolves with the first event that fits, past or future; throws after `timeout` ms. */
  find(
    fits: (data: ReceivedEvent['data'], event: string) => boolean,
    timeout?: number,
  ): Promise<ReceivedEvent>;
  /** Resolves once everything of the past has been received. */
  ready(timeout?: number): Promise<void>;
  /** Resolves when the server has ended the stream. */
  over(timeout?: number): Promise<void>;
  close(): void;
}

/** Resolves with the head of the answer. */
export async function openEventStream(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<EventStream> {
  const closing = new AbortController();
  const response = await fetch(url, { headers, signal: closing.signal });
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  const state = {
    events: [] as ReceivedEvent[],
    comments: [] as string[],
    retry: undefined as number | undefined,
    lastEventId: undefined as string | undefined,
    isOver: !isStream,
  };

  const take = (block: string): void => {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      if (colon === 0) state.comments.push(line.slice(1).trim());
      else fields.set(line.slice(0, colon), line.slice(colon + 2));
    }
    if (fields.has('retry')) state.retry = Number(fields.get('retry'));
    const [id, data] = [fields.get('id'), fields.get('data')];
    if (id !== undefined) state.lastEventId = id;
    if (data === undefined) return;
    const event = fields.get('event') ?? 'message';
    state.events.push({ id: state.lastEventId ?? '', event, data: JSON.parse(data) });
  };

  const receive = async (): Promise<void> => {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      const blocks = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) take(block);
    }
  };
  const text = isStream ? '' : await response.text();
  if (isStream) {
    const end = () => {
      state.isOver = true;
    };
    receive().then(end, end);
  }

  const find: EventStream['find'] = async (fits, timeout = 1_000) => {
    let found: ReceivedEvent | undefined;
    await eventually(() => {
      found = state.events.find(({ data, event }) => fits(data, event));
      return found !== undefined;
    }, timeout);
    return found as ReceivedEvent;
  };
  return Object.assign(state, {
    status: response.status,
    headers: response.headers,
    text,
    find,
    ready: async (timeout = 2_000) => void (await find((_data, name) => name === 'ready', timeout)),
    over: (timeout = 2_000) => eventually(() => state.isOver, timeout),
    close: () => closing.abort(),
  });
}
