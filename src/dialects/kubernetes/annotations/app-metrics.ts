import type { Labels } from "../../../model/mesh.ts";
import { type AnnotationFault, parsePort } from "./port-list.ts";

/** Where an app in the pod serves its metrics. */
export interface AppMetricsPage {
  readonly port: number;
  /** With its query. */
  readonly path: string;
}

export interface AppMetricsReading {
  /** Undefined where nothing says that there is one, or what does cannot be read. */
  readonly page: AppMetricsPage | undefined;
  readonly faults: readonly AnnotationFault[];
}

const PREFIX = "prometheus.io/";
const MERGE = "prometheus.istio.io/merge-metrics";
/** The sidecar's own page: a sidecar would ask itself. */
const MERGED_PORT = 15020;
/** Istio's defaults for what the annotations leave out. */
const PORT = 80;
const PATH = "/metrics";

/**
 * Reads `prometheus.io/{scrape,port,path}` as Istio's injector and agent do: any of them says that
 * there is a page, unless `scrape` or `prometheus.istio.io/merge-metrics` is "false". Their names
 * are written in any case.
 */
export function readAppMetrics(annotations: Labels): AppMetricsReading {
  const faults: AnnotationFault[] = [];
  const scrape = find(annotations, `${PREFIX}scrape`);
  const port = find(annotations, `${PREFIX}port`);
  const path = find(annotations, `${PREFIX}path`);
  const merge = find(annotations, MERGE);
  if (scrape === undefined && port === undefined && path === undefined) {
    return { page: undefined, faults };
  }
  for (const flag of [scrape, merge]) {
    if (flag !== undefined && !/^(?:true|false)$/.test(flag.found)) {
      faults.push({ ...flag, allowed: '"true" or "false"' });
    }
  }
  const number = port === undefined ? PORT : parsePort(port.found);
  if (port !== undefined && (number === undefined || number === MERGED_PORT)) {
    faults.push({ ...port, allowed: `a port of the app, other than ${MERGED_PORT}` });
  }
  const off = scrape?.found === "false" || merge?.found === "false";
  if (off || faults.length > 0 || number === undefined) return { page: undefined, faults };
  const text = path?.found ?? PATH;
  return { page: { port: number, path: text.startsWith("/") ? text : `/${text}` }, faults };
}

/** An annotation under a name of any case, with the name that it has. */
function find(annotations: Labels, name: string): { name: string; found: string } | undefined {
  const key = Object.keys(annotations).find((each) => each.toLowerCase() === name);
  const found = key === undefined ? undefined : annotations[key];
  return key === undefined || found === undefined ? undefined : { name: key, found };
}
