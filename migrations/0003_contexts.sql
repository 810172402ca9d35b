CREATE TABLE "contexts" (
	"workspace" text NOT NULL,
	"id" uuid NOT NULL,
	"scope" text NOT NULL,
	"session_id" uuid,
	"agent_id" uuid,
	"name" text NOT NULL,
	"version" integer NOT NULL,
	"has" smallint NOT NULL,
	"keys" text NOT NULL,
	"data" text,
	"history" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"updated_by" jsonb NOT NULL,
	"recorded_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "contexts_workspace_id_pk" PRIMARY KEY("workspace","id")
);
--> statement-breakpoint
CREATE INDEX "contexts_by_age" ON "contexts" USING btree ("workspace","created_at","id");--> statement-breakpoint
CREATE INDEX "contexts_of_session" ON "contexts" USING btree ("workspace","session_id","created_at","id");--> statement-breakpoint
CREATE INDEX "contexts_of_agent" ON "contexts" USING btree ("workspace","agent_id","created_at","id");