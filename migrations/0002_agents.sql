CREATE TABLE "agent_runs" (
	"workspace" text NOT NULL,
	"task_id" uuid NOT NULL,
	"epoch" integer NOT NULL,
	"session_id" uuid NOT NULL,
	"agent_id" uuid NOT NULL,
	"agent_name" text NOT NULL,
	"session_type" text NOT NULL,
	"capabilities" text[] NOT NULL,
	"status" text NOT NULL,
	"own_fault" boolean NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone NOT NULL,
	"duration_ms" bigint NOT NULL,
	"cost_usd" double precision NOT NULL,
	"quality" double precision,
	"ratings" integer NOT NULL,
	"recorded_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "agent_runs_workspace_task_id_epoch_pk" PRIMARY KEY("workspace","task_id","epoch")
);
--> statement-breakpoint
CREATE TABLE "agents" (
	"workspace" text NOT NULL,
	"agent_id" uuid NOT NULL,
	"rev" bigint NOT NULL,
	"name" text NOT NULL,
	"agent_type" text NOT NULL,
	"capabilities" text[] NOT NULL,
	"labels" text[] NOT NULL,
	"preferred_technologies" text[] NOT NULL,
	"max_concurrent_capacity" integer NOT NULL,
	"model" text,
	"cost_per_token_usd" double precision,
	"repository" text,
	"remotes" text[] NOT NULL,
	"version" text,
	"performance_tier" text NOT NULL,
	"changed_at" timestamp (3) with time zone NOT NULL,
	"removed_at" timestamp (3) with time zone,
	"recorded_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "agents_workspace_agent_id_pk" PRIMARY KEY("workspace","agent_id")
);
--> statement-breakpoint
CREATE INDEX "agent_runs_of_agent" ON "agent_runs" USING btree ("workspace","agent_id","ended_at");--> statement-breakpoint
CREATE INDEX "agent_runs_by_end" ON "agent_runs" USING btree ("workspace","ended_at");