import { defineConfig } from 'drizzle-kit';

const url = process.env.DATABASE_URL;

/**
 * `npm run migrations:generate` compares this schema with the last migration and writes the next one, without a
 * database; `drizzle-kit migrate` applies them to the one of `DATABASE_URL`.
 */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/adapters/neon/schema.ts',
  out: './migrations',
  ...(url && { dbCredentials: { url } }),
});
