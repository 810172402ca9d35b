interface McpConfig {
  mcp?: Record<string, { enabled?: boolean }>;
}

/**
 * Keeps OpenCode from connecting to its MCP servers before the first prompt of a directory, which can take a minute. They
 * stay in the configuration, disabled and otherwise unchanged, so that the agent can connect them beside the work. The
 * ones that the person has disabled are removed, so that they are not connected.
 *
 * OpenCode runs a copy of this function, so it must use nothing outside itself.
 */
export function deferMcpServers(config: McpConfig): void {
  for (const [name, server] of Object.entries(config.mcp ?? {})) {
    if (server.enabled === false) delete config.mcp?.[name];
    else server.enabled = false;
  }
}

/**
 * The source of a plugin that defers the MCP servers of the configuration that OpenCode has put together for a directory.
 * Only OpenCode knows it, because a repository has configuration too.
 */
export const DEFER_MCP_PLUGIN = `const defer = ${deferMcpServers};
export const DeferMcpServers = async () => ({ config: async (config) => defer(config) });
`;
