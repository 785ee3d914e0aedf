/** What workers and the process that started them tell each other. */

/** From a worker: it serves. */
export interface Ready {
  readonly kind: 'ready';
}

/** From a worker: what does each of you have to say? `id` names the question. */
export interface Gather {
  readonly kind: 'gather';
  readonly id: number;
}

/** To each worker: say it. */
export interface Ask {
  readonly kind: 'ask';
  readonly id: number;
}

/** From each worker, to `ask`. */
export interface Part {
  readonly kind: 'part';
  readonly id: number;
  readonly part: string;
}

/** To the worker that wanted to know. */
export interface Gathered {
  readonly kind: 'gathered';
  readonly id: number;
  readonly parts: readonly string[];
}

export type Message = Ready | Gather | Ask | Part | Gathered;

/** Others may use the same channel. */
export const isMessage = <Kind extends Message['kind']>(
  message: unknown,
  kind: Kind,
): message is Extract<Message, { kind: Kind }> =>
  typeof message === 'object' && message !== null && 'kind' in message && message.kind === kind;
