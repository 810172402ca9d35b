import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { exitCode } from '../../cli/command.ts';
import { scriptedModelConfig } from '../../cli/demo/scripted-model.ts';
import { PING, PONG } from '../../src/protocol/common/socket.ts';
import { RegistryInProcess } from '../support/registry-in-process.ts';
import { hello, INSTANCE_2 } from '../unit/ports/agent-registry.fixture.ts';
import { AgentProcess } from './support/agent-process.ts';
import { createRepository, scratchDirectory } from './support/rig.ts';

const scratch = scratchDirectory();
afterAll(() => scratch.remove());

/** The real registry behind a server that only has the control socket. */
async function serveRegistry(registry: RegistryInProcess): Promise<{ url: string; close(): void }> {
  // It knows nothing of agents' own tokens, as an older control plane.
  const server = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
  );
  const sockets = new WebSocketServer({ server, handleProtocols: ([first]) => first ?? false });
  const timers: NodeJS.Timeout[] = [];
  sockets.on('connection', (socket: WebSocket, { url = '' }: IncomingMessage) => {
    const client = registry.connect(/[0-9a-f-]{36}/.exec(url)?.[0] ?? '');
    socket.on('message', (data) => {
      if (String(data) !== PING) return client.send(String(data));
      client.ping();
      socket.send(PONG);
    });
    const pass = () => {
      for (const text of client.received.splice(0)) socket.send(text);
      if (client.closedBy) socket.close(client.closedBy.code, client.closedBy.reason);
    };
    timers.push(setInterval(pass, 20));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    for (const timer of timers) clearInterval(timer);
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

test('an agent whose identity another process has taken over stops for good, and says why and what to do', async () => {
  const registry = new RegistryInProcess();
  const server = await serveRegistry(registry);
  const home = join(scratch.path, 'home');
  mkdirSync(home);
  const configFile = join(scratch.path, 'opencode.json');
  writeFileSync(configFile, JSON.stringify(scriptedModelConfig('http://127.0.0.1:1')));
  const clone = createRepository(join(scratch.path, 'clone'));
  const agent = new AgentProcess({ url: server.url, token: 'any', name: 'AGENT-TWICE', clone, home, configFile });
  try {
    await agent.start();
    // The registry takes an agent that it has not heard of for so long for dead.
    await registry.advance(46_000);
    const { secret } = agent.identity();
    registry.connect(agent.id).send(hello({ instance_id: INSTANCE_2, secret }));
    expect(await agent.ended()).toBe(exitCode.environment);
    expect(agent.output).toMatch(/another instance of this agent has taken over\. .*set --data to another directory/);
    expect(agent.livingProcesses()).toEqual([]);
  } finally {
    await agent.remove();
    server.close();
  }
});
