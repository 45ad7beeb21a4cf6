/** A client that sends requests of the load, of one protocol. */
import type { LoadRequest, Outcome } from "../request.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Of HTTP: the authority that is asked for. */
  readonly authority: string;
  readonly path: string;
  /** Further header fields, for HTTP and gRPC. */
  readonly headers: Readonly<Record<string, string>>;
  /** Open at most; further requests wait, which counts as their latency. */
  readonly connections: number;
}

export interface Sender {
  /**
   * Sends it and says how it ended. Never fails. An abort is a timeout: the request is given up and
   * its outcome, whatever it is, is that.
   */
  send(request: LoadRequest, signal: AbortSignal): Promise<Outcome>;
  close(): void;
}

export const TIMEOUT: Outcome = { kind: "timeout", reason: "no whole reply in time" };
