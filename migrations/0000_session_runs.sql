CREATE TABLE "session_runs" (
	"workspace" text NOT NULL,
	"session_id" uuid NOT NULL,
	"run" integer NOT NULL,
	"title" text NOT NULL,
	"session_type" text NOT NULL,
	"priority" text NOT NULL,
	"status" text NOT NULL,
	"attempts" integer NOT NULL,
	"agent_id" uuid,
	"agent_name" text,
	"started_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone NOT NULL,
	"active_ms" bigint NOT NULL,
	"turns" integer NOT NULL,
	"input_tokens" bigint NOT NULL,
	"output_tokens" bigint NOT NULL,
	"reasoning_tokens" bigint NOT NULL,
	"cache_read_tokens" bigint NOT NULL,
	"cache_write_tokens" bigint NOT NULL,
	"cost_usd" double precision NOT NULL,
	"error_code" text,
	"recorded_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "session_runs_workspace_session_id_run_pk" PRIMARY KEY("workspace","session_id","run")
);
--> statement-breakpoint
CREATE INDEX "session_runs_by_end" ON "session_runs" USING btree ("workspace","ended_at");