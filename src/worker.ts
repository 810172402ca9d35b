import { DurableObject } from 'cloudflare:workers';
import { Hono } from 'hono';

export class Session extends DurableObject<Env> {}
export class AgentRegistry extends DurableObject<Env> {}
export class Room extends DurableObject<Env> {}
export class Workspace extends DurableObject<Env> {}

const app = new Hono<{ Bindings: Env }>();

app.get('/health', (c) => c.json({ status: 'ok' }));

export default app;
