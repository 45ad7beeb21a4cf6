import type { Clock } from "../../../../base/clock.ts";
import type { Random } from "../../../../base/random.ts";
import type { RemoteJwks } from "../../../../model/filter/jwt-authn.ts";
import type { ClusterSlot } from "../../../cluster/cluster-slot.ts";
import type { QuestionText } from "../../../side-call/question.ts";
import { type SideAnswer, SideCall, type SideFailure } from "../../../side-call/side-call.ts";
import { JWKS_BYTES_MAX } from "./jwks-file.ts";

/** Where the configuration sets none: nobody waits for ever. */
const TIMEOUT_MS = 10_000;
const SERVER_ERROR = 500;

export interface FetchScope {
  readonly clock: Clock;
  readonly random: Random;
  readonly slot: ClusterSlot;
}

/** One fetch of a key set, with its retries, within one timeout (Envoy: JwksFetcherImpl). */
export class JwksFetch {
  readonly #jwks: RemoteJwks;
  readonly #scope: FetchScope;
  readonly #question: QuestionText;
  readonly #endMs: number;
  readonly #done: (text: string | undefined) => void;
  #retries = 0;

  /** `done`: the body of a 200, or undefined; once, maybe before `start` returns. */
  constructor(jwks: RemoteJwks, scope: FetchScope, done: (text: string | undefined) => void) {
    const { host, pathname, search } = new URL(jwks.uri);
    this.#jwks = jwks;
    this.#scope = scope;
    this.#done = done;
    this.#endMs = scope.clock.now() + (jwks.timeoutMs || TIMEOUT_MS);
    this.#question = {
      method: "GET",
      path: pathname + search,
      authority: host,
      headers: [],
      body: Buffer.alloc(0),
      grpc: false,
    };
  }

  start(): void {
    const { cluster } = this.#scope.slot;
    const timeoutMs = this.#endMs - this.#scope.clock.now();
    if (cluster === undefined || timeoutMs <= 0) {
      this.#done(undefined);
      return;
    }
    const limits = { timeoutMs, bodyBytesMax: JWKS_BYTES_MAX };
    new SideCall(this.#question, cluster, limits, {
      onAnswer: (answer) => this.#onAnswer(answer),
      onFailure: (failure) => this.#onFailure(failure),
    }).start();
  }

  /** A redirect is no key set either: nobody says where else keys may come from. */
  #onAnswer({ body, status }: SideAnswer): void {
    if (status === 200) this.#done(body.toString());
    else if (status >= SERVER_ERROR) this.#retry();
    else this.#done(undefined);
  }

  #onFailure(failure: SideFailure): void {
    if (failure === "timeout" || failure === "too long") this.#done(undefined);
    else this.#retry();
  }

  #retry(): void {
    const { clock, random } = this.#scope;
    const { numRetries, backOffBaseMs, backOffMaxMs } = this.#jwks.retry ?? NO_RETRY;
    if (this.#retries >= numRetries) {
      this.#done(undefined);
      return;
    }
    // Envoy: JitteredExponentialBackOffStrategy.
    const ceilingMs = Math.min(backOffMaxMs, backOffBaseMs * 2 ** this.#retries);
    this.#retries++;
    clock.after(random.next() * ceilingMs, () => this.start());
  }
}

const NO_RETRY = { numRetries: 0, backOffBaseMs: 0, backOffMaxMs: 0 };
