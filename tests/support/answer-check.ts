/** Compares every answer of a test server with the OpenAPI document that the same server publishes. */
import type { RequestListener } from 'node:http';
import { type Compare, createCompare, type Document } from './compare-with-document.ts';
import { type RecordedAnswer, recording } from './recorded-answers.ts';

export interface AnswerCheck {
  /** To listen in place of the server's own listener. */
  readonly listener: RequestListener;
  /** Answers so far that the document does not allow, one line each. */
  mismatches(): Promise<readonly string[]>;
  /** Throws an Error that lists them. */
  verify(): Promise<void>;
}

interface Options {
  readonly listener: RequestListener;
  /** Where the server listens. */
  readonly socket: string;
  /** Path of PUBLIC_URL: '' or `/sub`. */
  readonly base: string;
}

/** Lines of a report: whoever mends the first will see the others. */
const REPORTED = 10;

/** The document and its pages come before every route, also before `/users/:id`. */
const ABOUT_THE_API = /\/(openapi\.json|doc)$/;

export function checkAnswers({ listener, socket, base }: Options): AnswerCheck {
  const answers: RecordedAnswer[] = [];
  const found = new Set<string>();
  let compare: Promise<Compare> | undefined;

  const load = async (): Promise<Compare> => {
    const answer = await fetch(`${socket}${base}/openapi.json`, {
      headers: { 'x-request-id': 'answer-check', connection: 'close' },
    });
    if (answer.status !== 200) throw new Error(`no document: ${answer.status}`);
    return createCompare((await answer.json()) as Document, base);
  };

  const mismatches = async (): Promise<readonly string[]> => {
    if (answers.length > 0) {
      compare ??= load();
      const complain = await compare;
      for (const answer of answers.splice(0)) {
        const fault = complain(answer);
        if (fault !== undefined) found.add(fault);
      }
    }
    return [...found];
  };

  return {
    listener: recording(listener, (answer) => {
      if (!ABOUT_THE_API.test(answer.path)) answers.push(answer);
    }),
    mismatches,
    async verify() {
      const all = await mismatches();
      if (all.length === 0) return;
      const lines = all.slice(0, REPORTED).map((line) => `  ${line}`);
      throw new Error(
        `${all.length} answers that the OpenAPI document does not allow:\n${lines.join('\n')}`,
      );
    },
  };
}
