import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { unstable_getMiniflareWorkerOptions } from 'wrangler';
import { buildIfStale, built } from '../../../cli/launcher/build.ts';

export const TOKEN = 'the-token-of-a-smoke-test-0123456789';
/** The secrets that a deployment sets with `wrangler secret put`. */
const SECRETS = { OIO_SIGNING_KEYS: `k1:${'k'.repeat(32)}`, OIO_TOKEN: TOKEN, OIO_LOG_LEVEL: 'warn' };

export interface BuiltWorker {
  url: string;
  /** The admin token. */
  token: string;
  stop(): Promise<void>;
}

/** Runs the file that `wrangler deploy` would upload, with the configuration of wrangler.toml. */
export async function startBuiltWorker(): Promise<BuiltWorker> {
  await buildIfStale(() => undefined);
  const { workerOptions } = unstable_getMiniflareWorkerOptions('wrangler.toml');
  const { modulesRules: _, ...options } = workerOptions;
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      ...options,
      modules: [{ type: 'ESModule', path: built.worker }],
      bindings: { ...(options.bindings as Record<string, string>), ...SECRETS },
      cf: false,
    }),
  );
  const { origin } = await miniflare.ready;
  return { url: origin, token: TOKEN, stop: () => miniflare.dispose() };
}
