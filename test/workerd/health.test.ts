import { exports } from 'cloudflare:workers';
import { expect, it } from 'vitest';

it('answers /health without a token', async () => {
  const response = await exports.default.fetch(new Request('https://oio.test/health'));
  expect(response.status).toBe(200);
});
