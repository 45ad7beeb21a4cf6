import { get } from "node:http";
import type { Pod } from "../../model/mesh.ts";
import type { Measured } from "./rows.ts";
import { countsBetween, NO_COUNTS, type PodCounts, podCounts } from "./scrape.ts";

interface Sample {
  readonly at: number;
  readonly counts: ReadonlyMap<string, PodCounts>;
}

/** The sidecar's own: the app need not be asked each second. */
const METRICS_PORT = 15090;
const METRICS_PATH = "/stats/prometheus";
const TIMEOUT_MS = 2000;
const SAMPLES_MAX = 16;

/** Scrapes the sidecars and keeps what the last few scrapes said. */
export class Traffic {
  readonly #now: () => number;
  #samples: Sample[] = [];
  #first: Sample | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A pod that does not answer keeps what it last said. */
  async scrape(pods: readonly Pod[]): Promise<void> {
    const last = this.#samples.at(-1)?.counts;
    const entries = await Promise.all(
      pods.map(async (pod) => {
        const name = `${pod.namespace}/${pod.name}`;
        const text = await fetchText(pod.address).catch(() => undefined);
        const counts = text === undefined ? (last?.get(name) ?? NO_COUNTS) : podCounts(text);
        return [name, counts] as const;
      }),
    );
    const sample = { at: this.#now(), counts: new Map(entries) };
    this.#first ??= sample;
    this.#samples = [...this.#samples.slice(1 - SAMPLES_MAX), sample];
  }

  /** What came in during the last `windowMs`, or since the first scrape. */
  recent(windowMs: number): Measured {
    const now = this.#samples.at(-1);
    const start = this.#samples.findLast(({ at }) => now !== undefined && now.at - at >= windowMs);
    return between(start ?? this.#samples[0], now);
  }

  /** What came in since the first scrape. */
  all(): Measured {
    return between(this.#first, this.#samples.at(-1));
  }
}

function between(start: Sample | undefined, end: Sample | undefined): Measured {
  if (start === undefined || end === undefined) return { counts: new Map(), windowMs: 0 };
  const counts = [...end.counts].map(
    ([name, later]) => [name, countsBetween(start.counts.get(name) ?? NO_COUNTS, later)] as const,
  );
  return { counts: new Map(counts), windowMs: end.at - start.at };
}

function fetchText(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host, port: METRICS_PORT, path: METRICS_PATH, timeout: TIMEOUT_MS };
    const request = get({ ...options, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
      response.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", reject);
  });
}
