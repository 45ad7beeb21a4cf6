import type { DiscoveryTarget } from "../../api/discovery.ts";
import { CIRCUIT_FAMILIES, circuitRows } from "./circuit-rows.ts";
import { CLUSTER_FAMILIES, clusterRows } from "./cluster-rows.ts";
import { type Sample, samplesOf } from "./samples.ts";
import type { Picture } from "./table.ts";

/** Where one proxy shows what it has counted. */
export interface ProxyPlace {
  readonly pod: string;
  readonly url: URL;
  /** What it knows its clients by; undefined: it asks nobody. */
  readonly token: string | undefined;
}

const TIMEOUT_MS = 5000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const PROXIES_AT_ONCE = 16;
const METRICS_PATH = "/stats/prometheus";
const FAMILIES: ReadonlySet<string> = new Set([...CIRCUIT_FAMILIES, ...CLUSTER_FAMILIES]);

/** One place for each admin server's URL. */
export function adminPlace(url: URL, token: string | undefined): ProxyPlace {
  return { pod: url.host, url: new URL(METRICS_PATH, url), token };
}

/** The sidecars that a control plane knows. Throws an Error where it cannot be asked. */
export async function meshPlaces(
  control: URL,
  token: string | undefined,
): Promise<readonly ProxyPlace[]> {
  const text = await ask(new URL("/sd", control), token).catch((error: unknown) => {
    throw new Error(`control plane ${control.href}: ${reasonOf(error)}`);
  });
  try {
    return placesIn(text);
  } catch {
    // What went wrong would show what was read, and that may move the cursor.
    throw new Error(`control plane ${control.href}: what it tells is no list of targets`);
  }
}

function placesIn(text: string): readonly ProxyPlace[] {
  const targets = JSON.parse(text) as readonly DiscoveryTarget[];
  return targets.flatMap(({ targets: addresses, labels }) =>
    addresses.map((address) => ({
      pod: `${labels.namespace ?? ""}/${labels.pod ?? address}`,
      url: new URL(METRICS_PATH, `http://${address}`),
      token: undefined,
    })),
  );
}

/** Asks all of them. Who does not answer is named, and holds up nobody. */
export async function pictureOf(places: readonly ProxyPlace[]): Promise<Picture> {
  const circuits: Picture["circuits"][number][] = [];
  const clusters: Picture["clusters"][number][] = [];
  const silent: Picture["silent"][number][] = [];
  const queue = [...places];
  const work = async (): Promise<void> => {
    for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
      const { pod, token, url } = place;
      try {
        const samples: readonly Sample[] = samplesOf(await ask(url, token), FAMILIES);
        for (const row of circuitRows(pod, samples)) circuits.push(row);
        for (const row of clusterRows(pod, samples)) clusters.push(row);
      } catch (error) {
        silent.push({ pod, reason: reasonOf(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: PROXIES_AT_ONCE }, work));
  return { circuits, clusters, silent };
}

async function ask(url: URL, token: string | undefined): Promise<string> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const answer = await fetch(url, { headers, signal, redirect: "error" });
  if (!answer.ok) throw new Error(`${url.href} answers ${answer.status}`);
  return await textOf(answer, url);
}

async function textOf({ body }: Response, url: URL): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body ?? []) {
    bytes += piece.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`${url.href} tells too much`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** Node says what happened in the error's cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
