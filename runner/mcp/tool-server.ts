import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, type McpServerFactory } from '@modelcontextprotocol/server';

/** The longest request. A value of a context must fit. */
const MAX_REQUEST_BYTES = 2 * 1_048_576;
const PATH_BYTES = 24;

type Handler = ReturnType<typeof toNodeHandler>;

/** Tools under an address of their own. */
export interface MountedTools {
  url: string;
  /** The address is unknown from now on. */
  unmount(): Promise<void>;
}

/**
 * The MCP server of the runner (streamable HTTP, https://modelcontextprotocol.io). It listens on loopback alone. Each
 * worktree has a random path, which says whose lease a call is made under, and which nobody else knows.
 */
export class ToolServer {
  readonly #server: Server;
  readonly #handlers = new Map<string, Handler>();

  private constructor() {
    const isOurs = [localhostHostValidation(), localhostOriginValidation()];
    this.#server = createServer((request, response) => {
      // A page in a browser could reach loopback, too.
      if (!isOurs.every((check) => check(request, response))) return;
      const handle = this.#handlers.get(request.url ?? '');
      // A request that a server gets has a method and a URL.
      if (handle) return void handle(request as IncomingMessage & { method: string; url: string }, response);
      response.writeHead(404).end();
    });
  }

  static async start(): Promise<ToolServer> {
    const tools = new ToolServer();
    await new Promise<void>((resolve, reject) => {
      tools.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return tools;
  }

  /** @param build builds the tools, once for each request */
  mount(build: McpServerFactory): MountedTools {
    const path = `/${randomBytes(PATH_BYTES).toString('base64url')}`;
    const handler = createMcpHandler(build, { maxRequestBodySize: MAX_REQUEST_BYTES });
    this.#handlers.set(path, toNodeHandler(handler));
    const { port } = this.#server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}${path}`,
      unmount: async () => {
        this.#handlers.delete(path);
        await handler.close();
      },
    };
  }

  async close(): Promise<void> {
    this.#handlers.clear();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
