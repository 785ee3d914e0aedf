/**
 * A server of koa-ratelimit for the probe. Arguments: scratch folder, URL of Redis, JSON of its options, milliseconds
 * that its clock is ahead. Prints its port.
 */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { load } from './load.ts';

interface KoaApp {
  proxy: boolean;
  use(middleware: unknown): KoaApp;
  on(event: string, listener: () => void): void;
  listen(port: number, host: string): Server;
}

const [, , , url = '', options = '{}', ahead = '0'] = process.argv;
const { now } = Date;
Date.now = () => now() + Number(ahead);

const Koa = load<new () => KoaApp>('koa-ratelimit', 'koa');
const { Redis } = load<{
  Redis: new (url: string) => { on(event: string, listener: () => void): void };
}>('koa-ratelimit', 'ioredis');
const limit = load<(options: object) => unknown>('koa-ratelimit', 'koa-ratelimit');

const db = new Redis(url);
db.on('error', () => undefined);
const app = new Koa();
app.proxy = true;
app.on('error', () => undefined);
app.use(limit({ driver: 'redis', db, ...(JSON.parse(options) as object) }));
app.use((ctx: { body: string }) => {
  ctx.body = 'done';
});
const server = app.listen(0, '127.0.0.1');
server.once('listening', () => console.log((server.address() as AddressInfo).port));
