// What the leader answers, as far as the page uses it. The shapes are those of the operations'
// outputs; optional fields are left out when empty.

export type Status =
  | "proposed"
  | "pending"
  | "in_progress"
  | "in_review"
  | "completed"
  | "failed"
  | "cancelled";

/** A task's status as people speak of it: pending is either ready or blocked. */
export type State = "ready" | "blocked" | Exclude<Status, "pending">;

export interface TaskCard {
  readonly id: string;
  readonly title: string;
  readonly status: Status;
  readonly ready: boolean;
  readonly priority: number;
  readonly claimed_by: string | null;
  readonly assigned_to?: string | null;
  readonly run?: string | null;
  readonly attempts: number;
  readonly updated_at: string;
  readonly progress?: string | null;
}

export interface TaskGraph {
  readonly tasks: readonly TaskCard[];
  readonly edges: readonly { readonly task: string; readonly on: string }[];
  readonly truncated: boolean;
}

export interface TaskRef {
  readonly id: string;
  readonly title: string;
  readonly status: Status;
}

export interface WholeTask extends TaskCard {
  readonly blocked_by: readonly string[];
  readonly description?: string;
  readonly accept?: string;
  readonly files?: readonly string[];
  readonly epoch: number;
  readonly created_by: string;
  readonly created_at: string;
  readonly claimed_at?: string;
  readonly completed_by?: string;
  readonly summary?: string;
  readonly artifacts?: unknown;
  readonly failure?: string;
  readonly depends_on?: readonly TaskRef[];
  readonly blocks?: readonly TaskRef[];
  readonly notes?: readonly {
    readonly author: string;
    readonly kind: string;
    readonly text: string;
    readonly at: string;
  }[];
  readonly history?: readonly {
    readonly at: string;
    readonly actor: string;
    readonly op: string;
    readonly detail: Detail;
  }[];
}

export type Detail = Readonly<Record<string, unknown>> | null;

export interface JournalRow {
  readonly seq: number;
  readonly at: string;
  readonly actor: string;
  readonly op: string;
  readonly subject: string;
  readonly detail: Detail;
  /** Null: of the whole home. */
  readonly project?: string | null;
}

export interface Usage {
  readonly tokens: number;
  readonly tool_calls: number;
  readonly cost_usd: number;
  readonly turns: number;
}

export interface Peer {
  readonly name: string;
  readonly role: string;
  readonly summary: string;
  readonly state: "live" | "stalled" | "leased" | "gone" | "killed";
  readonly folder?: string;
  readonly git?: {
    readonly branch: string;
    readonly commit: string;
    readonly dirty: readonly string[];
    readonly dirty_count: number;
    readonly at: string;
  };
  readonly task?: string;
  readonly since?: string;
  readonly paused?: string;
  /** What its session waits for at its terminal. */
  readonly waits?: string;
  readonly used?: Usage;
  readonly budget?: Partial<Usage>;
  readonly seen_at?: string;
}

export interface AttentionItem {
  readonly kind: string;
  readonly subject: string;
  readonly text: string;
  readonly since: string;
  readonly peers?: readonly string[];
  readonly task?: string;
  readonly on?: string;
  /** How many tasks it stands for. */
  readonly count?: number;
}

export interface StatusAnswer {
  readonly peers: readonly Peer[];
  readonly tasks: Readonly<Record<string, number>>;
  readonly progress_percent: number;
  readonly run: string | null;
  readonly attention: readonly AttentionItem[];
  readonly leader: { readonly name: string; readonly url: string | null } | null;
}

export type DeliveryState = "queued" | "offered" | "seen" | "undelivered";

export interface Message {
  readonly id: string;
  readonly at: string;
  readonly from: string;
  readonly to: readonly string[];
  /** Recipients beyond those that are named. */
  readonly to_more?: number;
  readonly category: string;
  readonly content: string;
  readonly task?: string;
  readonly run?: string;
  readonly reply_to?: string;
  /** When an escalation was answered. */
  readonly resolved_at?: string;
  /** Why to read it with care: it asks for what no peer may ask. */
  readonly caution?: string;
  readonly thread: string;
  readonly states: readonly {
    readonly peer: string;
    readonly state: DeliveryState;
    readonly at?: string;
  }[];
}

export interface Lock {
  readonly path: string;
  readonly mode: string;
  readonly holder: string;
  readonly automatic?: boolean;
  readonly since: string;
  readonly age_s: number;
  readonly expires_in_s: number;
  readonly task: string | null;
  readonly waiting?: readonly string[];
}

export interface MemoryEntry {
  readonly key: string;
  readonly value: string;
  readonly type: "decision" | "fact" | "constraint" | "artifact" | "discovery";
  readonly confidence: "high" | "medium" | "low";
  readonly version: number;
  readonly by: string;
  readonly at: string;
  readonly run?: string;
  readonly supersedes?: string;
  readonly superseded_by?: string;
}

export interface RunSummary {
  readonly id: string;
  readonly goal: string;
  readonly status: string;
  readonly created_by: string;
  readonly created_at: string;
  readonly done: number;
  readonly total: number;
}

export interface RunWhole extends RunSummary {
  readonly plan: string;
  readonly outcome?: string;
  readonly tasks: Readonly<Record<string, number>>;
  readonly open: readonly (TaskRef & { ready: boolean; claimed_by: string | null })[];
  readonly completed: readonly { id: string; title: string; summary: string }[];
  readonly memory: readonly { key: string; type: string; value: string }[];
  readonly messages: readonly { id: string; from: string; category: string; content: string }[];
}

export interface Span {
  readonly peer: string;
  readonly task: string;
  readonly from: string;
  readonly to: string | null;
  readonly outcome: string;
}

export interface Timeline {
  readonly spans: readonly Span[];
  /** There was more than one answer holds: these are the newest. */
  readonly truncated: boolean;
}

/** One try of one worker process at one task. */
export interface Attempt {
  readonly id: number;
  readonly run: string;
  readonly task: string;
  readonly number: number;
  readonly kind: string;
  readonly worker: string;
  readonly model?: string | null;
  readonly state: string;
  readonly started_at: string;
  readonly ended_at: string | null;
  /** Its worker's process has ended without ending it. */
  readonly orphaned?: boolean;
  readonly turns: number;
  readonly tokens: number;
  readonly cost_usd: number;
  readonly report?: { readonly summary: string } | null;
  readonly reason?: string | null;
}

export interface Attempts {
  readonly attempts: readonly Attempt[];
  /** Workers' processes of the run that are there. */
  readonly hosts: readonly string[];
  /** After which there are more; null if this is all. */
  readonly next: number | null;
}

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly peers: number;
  readonly tasks_open: number;
  readonly attention: number;
  readonly last_at: string | null;
}

export interface FlockState {
  readonly leader: {
    readonly name: string;
    readonly incarnation: string;
    readonly epoch: number;
    readonly since: string;
    readonly url: string | null;
  } | null;
  readonly takeovers: readonly { at: string; epoch: number; name: string }[];
  readonly nodes: readonly {
    name: string;
    project: string;
    version: string | number;
    since: string;
    stalled: boolean;
  }[];
  readonly store: { schema: number; journal_seq: number; bytes: number; wal_bytes: number };
  readonly operations: readonly {
    op: string;
    count: number;
    p50_ms: number;
    p95_ms: number;
    p99_ms: number;
    errors: number;
  }[];
  readonly series: {
    readonly minute: readonly string[];
    readonly acts: readonly number[];
    readonly messages: readonly number[];
    readonly completed: readonly number[];
  };
}

/** What is said once when the stream of events opens. */
export interface Hello {
  readonly seq: number;
  readonly leader: {
    readonly name: string | null;
    readonly epoch: number;
    readonly since?: string | null;
    readonly url: string | null;
  };
  readonly version: string;
  readonly project: string;
}

export function stateOf(task: { status: Status; ready: boolean }): State {
  if (task.status !== "pending") return task.status;
  return task.ready ? "ready" : "blocked";
}
