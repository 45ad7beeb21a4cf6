/** What an operator asks of a running control plane, left as files in the authority's folder. */
import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import type { Clock, Timer } from "../../../base/clock.ts";
import { parseWorkloadIdentity } from "../../../identity/workload-identity.ts";
import type { Revocation } from "../certificate-authority.ts";
import { ensurePrivateFolder, readPrivateFile, writePrivateFile } from "./private-files.ts";

export type OperatorRequest =
  | { readonly kind: "rotate" }
  | { readonly kind: "revoke"; readonly what: Revocation };

const FOLDER = "requests";
const LOOK_MS = 2000;
const NAME = /^\d+-[0-9a-f]+\.json$/;

/** Leaves a request; whoever may write into the folder may ask. */
export function leaveRequest(
  caDir: string,
  request: OperatorRequest,
  { now, id }: { readonly now: number; readonly id: string },
): void {
  const folder = path.join(caDir, FOLDER);
  ensurePrivateFolder(folder);
  writePrivateFile(path.join(folder, `${now}-${id}.json`), `${JSON.stringify(request)}\n`);
}

/** Looks for requests, and takes each away before it is carried out: none is carried out twice. */
export class OperatorRequests {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #onRequest: (request: OperatorRequest) => void;
  readonly #onNotice: (notice: string) => void;
  #timer: Timer | undefined;

  constructor(
    caDir: string,
    clock: Clock,
    hear: {
      readonly onRequest: (request: OperatorRequest) => void;
      readonly onNotice: (notice: string) => void;
    },
  ) {
    this.#folder = path.join(caDir, FOLDER);
    this.#clock = clock;
    this.#onRequest = hear.onRequest;
    this.#onNotice = hear.onNotice;
    ensurePrivateFolder(this.#folder);
    this.#lookLater();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #lookLater(): void {
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#look();
      this.#lookLater();
    });
  }

  #look(): void {
    for (const name of readdirSync(this.#folder).sort()) {
      if (!NAME.test(name)) continue;
      try {
        const request = requestOf(readPrivateFile(path.join(this.#folder, name)));
        rmSync(path.join(this.#folder, name));
        if (request === undefined) this.#onNotice(`${name} is no request; it was removed`);
        else this.#onRequest(request);
      } catch (error) {
        this.#onNotice(`${name}: ${(error as Error).message}`);
      }
    }
  }
}

function requestOf(text: string | undefined): OperatorRequest | undefined {
  const { kind, what } = parse(text ?? "") as {
    readonly kind?: unknown;
    readonly what?: { readonly serial?: unknown; readonly identity?: unknown };
  };
  if (kind === "rotate") return { kind };
  if (kind !== "revoke") return undefined;
  const { serial, identity } = what ?? {};
  if (typeof serial === "string") return { kind, what: { serial } };
  const { namespace, serviceAccount } = (identity ?? {}) as Record<string, unknown>;
  const parsed = parseWorkloadIdentity(`${String(namespace)}/${String(serviceAccount)}`);
  return parsed === undefined ? undefined : { kind, what: { identity: parsed } };
}

function parse(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
