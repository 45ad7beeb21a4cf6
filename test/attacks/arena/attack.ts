import type { Spent } from "../wire/attacker.ts";
import type { Arena } from "./arena.ts";

/** One way to do a proxy harm, and what must come of it. */
export interface Attack {
  readonly name: string;
  /** What it is known by: a CVE, a section of an RFC. */
  readonly source: string;
  /** What `run` finds: see `Attacker.verdict`. */
  readonly verdict: string | RegExp;
  /** So many requests, besides `/neighbour`, may reach the origin; 0 where it is not given. */
  readonly forwarded?: number;
  /** The beginning of others may: a head is sent on before its body is judged. */
  readonly begins?: true;
  /** Each connection fills its buffer (Envoy: per_connection_buffer_limit_bytes, 1 MiB). */
  readonly fills?: true;
  readonly run: (arena: Arena, spent: Spent) => Promise<string>;
}
