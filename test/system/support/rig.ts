import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ScriptedModel, scriptedModelConfig, startScriptedModel } from '../../../cli/demo/scripted-model.ts';
import { OpenCodeClient } from '../../../runner/opencode/client.ts';
import { OpenCodeServer, type OpenCodeServerOptions } from '../../../runner/opencode/server.ts';
import { toolEnvironment } from '../../../runner/opencode/tool-environment.ts';
import type { ConversationMessage, ExportedConversation, OpenCodeSignal } from '../../../runner/work/opencode-port.ts';
import { eventually } from '../../support/eventually.ts';
import { countServer } from '../../support/servers.ts';

/** Creates a git repository with one commit. */
export function createRepository(path: string): string {
  mkdirSync(path, { recursive: true });
  const git = (...args: string[]) => execFileSync('git', ['-C', path, ...args], { stdio: 'pipe' });
  git('init', '-q', '-b', 'main');
  git('config', 'user.name', 'Test');
  git('config', 'user.email', 'test@example.org');
  writeFileSync(join(path, 'README.md'), 'A scratch repository.\n');
  git('add', '-A');
  git('commit', '-qm', 'Begin');
  return path;
}

export function cloneRepository(from: string, to: string): string {
  execFileSync('git', ['clone', '-q', from, to], { stdio: 'pipe' });
  return to;
}

/** A real OpenCode server with its own home and the scripted model, and its signals so far. */
export interface OpenCodeRig {
  directory: string;
  marker: string;
  server: OpenCodeServer;
  client: OpenCodeClient;
  signals: OpenCodeSignal[];
  stop(): Promise<void>;
}

/** Creates a directory for a test file. `remove` deletes it with its contents. */
export function scratchDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'oio-system-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export async function startOpenCodeRig(
  directory: string,
  model: Pick<ScriptedModel, 'url'>,
  { config = {}, ...options }: Pick<OpenCodeServerOptions, 'health'> & { config?: Record<string, unknown> } = {},
): Promise<OpenCodeRig> {
  await using parts = new AsyncDisposableStack();
  mkdirSync(directory, { recursive: true });
  const marker = randomUUID();
  const server = new OpenCodeServer({
    directory,
    worktrees: join(directory, 'worktrees'),
    source: { kind: 'given', config: { ...scriptedModelConfig(model.url), ...config } },
    marker,
    tools: toolEnvironment(process.env),
    ...options,
  });
  countServer('OpenCode server');
  parts.defer(() => server.stop());
  await server.start();
  const client = new OpenCodeClient(server);
  parts.defer(() => client.close());
  const signals: OpenCodeSignal[] = [];
  client.subscribe((signal) => signals.push(signal));
  await eventually(() => {
    if (!signals.some((signal) => signal.type === 'connected')) throw new Error('no events yet');
  });
  const started = parts.move();
  return { directory, marker, server, client, signals, stop: () => started.disposeAsync() };
}

export { type ScriptedModel, startScriptedModel };

/** Prompts and waits until the server is idle and the last message is final. */
export async function promptAndWait(rig: OpenCodeRig, conversationId: string, text: string): Promise<void> {
  await post(rig, conversationId, text);
  await settled(rig, conversationId);
}

export async function exportWhole({ client }: OpenCodeRig, conversationId: string): Promise<ExportedConversation> {
  const exported = await client.exportConversation(conversationId);
  if (exported.kind !== 'whole') throw new Error(`the conversation is not whole: ${exported.kind}`);
  return exported;
}

export async function post(rig: OpenCodeRig, conversationId: string, text: string): Promise<void> {
  const time = ((BigInt(Date.now()) * 4_096n) & 0xffff_ffff_ffffn).toString(16).padStart(12, '0');
  const messageId = `msg_${time}${randomUUID().replaceAll('-', '').slice(0, 14)}`;
  await rig.client.prompt({ conversationId, messageId, text, model: null, agent: null, system: null });
}

export async function settled(rig: OpenCodeRig, conversationId: string): Promise<void> {
  await eventually(async () => {
    if (await rig.client.isBusy(conversationId)) throw new Error('still busy');
    const last = (await rig.client.messages(conversationId)).at(-1);
    if (last?.info.role !== 'assistant') throw new Error('no answer yet');
    if (last.info.time.completed === undefined && last.info.error === undefined) throw new Error('not final');
  });
}

/** The outputs of all finished tool calls of a conversation, in order. */
export function toolOutputs(messages: ConversationMessage[]): string[] {
  return messages.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === 'tool' && part.state.status === 'completed' ? [part.state.output] : [])),
  );
}

/** The model's text in a conversation. */
export function saidText(messages: ConversationMessage[]): string {
  return messages
    .filter(({ info }) => info.role === 'assistant')
    .flatMap(({ parts }) => parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])))
    .join('\n');
}
