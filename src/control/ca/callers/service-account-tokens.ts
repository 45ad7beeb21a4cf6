import { readFileSync } from "node:fs";
import { type RequestOptions, request } from "node:https";
import { fileFault } from "../../../base/file-fault.ts";
import { isWorkloadIdentity, type WorkloadIdentity } from "../../../identity/workload-identity.ts";
import type { Authenticator, Credentials, RefusalReason, Verdict } from "./authenticator.ts";

/** Where Kubernetes is asked whose a token is. */
export interface TokenReviewOptions {
  /** `https://kubernetes.default.svc`. */
  readonly apiServer: string;
  /** Paths: PEM roots of the API server, and our own token for it. Read anew for each question. */
  readonly caFile: string;
  readonly tokenFile: string;
  /** A token has to be for one of these; default `istio-ca` and `outrigger`. */
  readonly audiences?: readonly string[];
}

const PATH = "/apis/authentication.k8s.io/v1/tokenreviews";
const AUDIENCES: readonly string[] = ["istio-ca", "outrigger"];
/** RFC 7515 section 7.1. Whether it is signed, and by whom, Kubernetes says. */
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const USERNAME = /^system:serviceaccount:([^:]+):([^:]+)$/;
const ANSWER_BYTES_MAX = 1024 * 1024;
const PATIENCE_MS = 5000;
const QUESTIONS_MAX = 64;

/** What Kubernetes answers (authentication.k8s.io/v1 TokenReview, its status). */
interface ReviewStatus {
  readonly authenticated?: unknown;
  readonly user?: { readonly username?: unknown };
  readonly audiences?: unknown;
}

/** Asks Kubernetes whose a service account's token is. Nothing is kept: a token may be revoked. */
export class ServiceAccountTokens implements Authenticator {
  readonly #options: TokenReviewOptions;
  readonly #audiences: readonly string[];
  #questions = 0;

  constructor(options: TokenReviewOptions) {
    this.#options = options;
    this.#audiences = options.audiences ?? AUDIENCES;
  }

  async authenticate({ bearer }: Credentials): Promise<Verdict> {
    if (bearer === undefined || !JWT.test(bearer)) return { kind: "silent" };
    if (this.#questions >= QUESTIONS_MAX) return refuse("rate_limited", "too many tokens at once");
    this.#questions++;
    try {
      return this.#verdictOf(await this.#review(bearer));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return refuse("unavailable", `Kubernetes does not say whose the token is: ${message}`);
    } finally {
      this.#questions--;
    }
  }

  #verdictOf({ authenticated, user, audiences }: ReviewStatus): Verdict {
    if (authenticated !== true) return refuse("bad_token", "Kubernetes does not accept the token");
    // Without one the API server knows nothing of audiences, and the token is for itself.
    const meant = Array.isArray(audiences)
      ? audiences.filter((a) => this.#audiences.includes(a))
      : [];
    if (meant.length === 0) {
      return refuse("bad_token", `the token is not for ${this.#audiences.join(" or ")}`);
    }
    const identity = identityOf(user?.username);
    if (identity === undefined) return refuse("not_allowed", "the token is no service account's");
    return {
      kind: "caller",
      caller: { identity, method: "service-account", claim: async () => true },
    };
  }

  async #review(token: string): Promise<ReviewStatus> {
    const { apiServer, caFile, tokenFile } = this.#options;
    const body = JSON.stringify({
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token, audiences: this.#audiences },
    });
    const { status, text } = await post(new URL(PATH, apiServer), body, {
      ca: readOwn(caFile),
      headers: {
        authorization: `Bearer ${readOwn(tokenFile).trim()}`,
        "content-type": "application/json",
      },
    });
    if (status !== 200 && status !== 201) throw new Error(`it answers with status ${status}`);
    return statusIn(text);
  }
}

function identityOf(username: unknown): WorkloadIdentity | undefined {
  if (typeof username !== "string") return undefined;
  const [, namespace = "", serviceAccount = ""] = USERNAME.exec(username) ?? [];
  const identity = { namespace, serviceAccount };
  return isWorkloadIdentity(identity) ? identity : undefined;
}

function refuse(reason: RefusalReason, message: string): Verdict {
  return { kind: "refused", refusal: { reason, message } };
}

function readOwn(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file} ${fileFault(error)}`);
  }
}

function statusIn(text: string): ReviewStatus {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error("it answers with something else than JSON");
  }
  const { status } = (answer ?? {}) as { readonly status?: unknown };
  return typeof status === "object" && status !== null ? status : {};
}

function post(
  url: URL,
  body: string,
  options: RequestOptions,
): Promise<{ readonly status: number | undefined; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const sent = request(url, { ...options, method: "POST", agent: false, signal }, (answer) => {
      const pieces: Buffer[] = [];
      let length = 0;
      answer.on("data", (piece: Buffer) => {
        length += piece.length;
        pieces.push(piece);
        if (length > ANSWER_BYTES_MAX) answer.destroy(new Error("its answer is too long"));
      });
      answer.on("error", reject);
      answer.on("end", () => {
        resolve({ status: answer.statusCode, text: Buffer.concat(pieces).toString("utf8") });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
