/** What `new NodeSDK().start()` does besides what it is told. */
import { Socket } from 'node:net';
import { load } from './load.ts';

interface Sdk {
  start(): void;
  shutdown(): Promise<void>;
}
interface StartedSpan {
  readonly resource?: { readonly attributes: Readonly<Record<string, unknown>> };
  end(): void;
}
interface Api {
  readonly trace: { getTracer(name: string): { startSpan(name: string): StartedSpan } };
}

const opened = new Set<string>();
const { connect } = Socket.prototype;
Object.assign(Socket.prototype, {
  connect(this: Socket, ...args: Parameters<typeof connect>) {
    const [target] = args.flat() as { host?: string; port?: number }[];
    opened.add(`${target?.host}:${target?.port}`);
    return connect.apply(this, args);
  },
});

const { NodeSDK } = load<{ NodeSDK: new (options: object) => Sdk }>(
  'sdk-node',
  '@opentelemetry/sdk-node',
);
const { trace } = load<Api>('sdk-node', '@opentelemetry/api');
const sdk = new NodeSDK({ serviceName: 'probe' });
sdk.start();
const span = trace.getTracer('probe').startSpan('work');
const attributes = span.resource?.attributes ?? {};
span.end();
await sdk.shutdown().catch(() => undefined);
console.log(
  `NodeSDK, told nothing but the service's name, describes the process with: ${Object.keys(attributes).join(', ')}`,
);
const told = JSON.stringify(attributes['process.command_args']);
console.log(
  `process.command_args holds what the command line holds: ${told.includes(process.argv[2] ?? '')}`,
);
console.log(`tries to send to: ${[...opened].join(', ') || 'nobody'}`);
