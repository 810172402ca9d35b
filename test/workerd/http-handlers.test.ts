import { expectTypeOf, it } from 'vitest';
import type { Handler, ReplyOf, RequestTo } from '../../src/http/endpoints.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { SessionView } from '../../src/protocol/session/session.ts';
import type { Readiness } from '../../src/protocol/system/readiness.ts';

// The compiler checks these expectations in `npm run check`.
it('the table of endpoints types each handler’s request and result', () => {
  expectTypeOf<ReplyOf<'createSession'>>().toEqualTypeOf<SessionView>();
  expectTypeOf<ReplyOf<'deleteSession'>>().toEqualTypeOf<null>();
  expectTypeOf<ReplyOf<'readArtifact'>>().toEqualTypeOf<ReadableStream<Uint8Array>>();
  expectTypeOf<ReplyOf<'watchSession'>>().toEqualTypeOf<Response>();
  expectTypeOf<ReplyOf<'readReadiness'>>().toEqualTypeOf<
    { status: 200; body: Readiness } | { status: 503; body: Readiness }
  >();
  expectTypeOf<RequestTo<'readSession'>['params']>().toEqualTypeOf<{ id: string }>();
  expectTypeOf<RequestTo<'readSession'>['body']>().toEqualTypeOf<undefined>();
  expectTypeOf<RequestTo<'readSession'>['call']>().toEqualTypeOf<Call>();
  expectTypeOf<RequestTo<'readHealth'>['call']>().toEqualTypeOf<null>();
  expectTypeOf<Handler<'listAgents'>>().not.toExtend<Handler<'listTokens'>>();
});
