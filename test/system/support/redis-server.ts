import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { connectRedis } from '../../../cli/redis/client.ts';
import { eventually } from '../../support/eventually.ts';
import { steadyPort } from './control-plane.ts';

/** Whether this machine has a Redis server that a test can start. */
export const hasRedisServer = spawnSync('redis-server', ['--version']).status === 0;

/** A Redis server of a test. It keeps nothing on disk, so that it is empty after each start. */
export class RedisServer {
  readonly url: string;
  readonly #directory = mkdtempSync(join(tmpdir(), 'oio-redis-'));
  readonly #client: Redis;
  #process: ChildProcess | null = null;

  private constructor(port: number) {
    this.url = `redis://127.0.0.1:${port}`;
    this.#client = connectRedis(this.url);
  }

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await steadyPort());
    await server.up();
    return server;
  }

  async up(): Promise<void> {
    const args = ['--port', new URL(this.url).port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.#process = spawn('redis-server', [...args, '--dir', this.#directory], { stdio: 'ignore' });
    await eventually(() => this.command('PING'));
  }

  /** Kills the server, which loses all data. */
  async down(): Promise<void> {
    const server = this.#process;
    this.#process = null;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  }

  command(name: string, ...args: string[]): Promise<unknown> {
    return this.#client.call(name, args);
  }

  async close(): Promise<void> {
    this.#client.disconnect();
    await this.down();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
