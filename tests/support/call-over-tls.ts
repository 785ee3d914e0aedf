/** Requests over https to a server whose certificate a private authority signed: fetch takes no such authority. */
import { type RequestOptions, request } from 'node:https';

export interface CallOptions
  extends Pick<RequestOptions, 'method' | 'headers' | 'agent' | 'servername' | 'localAddress'> {
  readonly body?: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** `ca`: PEM. Rejects when the connection fails. */
export function callOverTls(url: string, ca: string, options: CallOptions = {}): Promise<Reply> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    const sent = request(url, { ca, ...rest });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.end(body);
  });
}
