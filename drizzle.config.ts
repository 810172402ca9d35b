import { defineConfig } from 'drizzle-kit';

/** `npm run migrations:generate` compares this schema with the last migration and writes the next one; no database. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/adapters/neon/schema.ts',
  out: './migrations',
});
