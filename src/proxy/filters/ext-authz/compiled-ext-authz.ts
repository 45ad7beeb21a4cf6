import type { CheckedBody, ExtAuthz, ExtAuthzOverride } from "../../../model/filter/ext-authz.ts";
import type { StringMatch } from "../../../model/route.ts";
import type { ClusterSlot } from "../../cluster/cluster-slot.ts";
import type { LocalReply } from "../../reply/local-reply.ts";
import { compileStringMatch, type StringMatcher } from "../../route/string-matcher.ts";
import type { ExtAuthzStats } from "../../telemetry/envoy/filter/ext-authz-stats.ts";
import { FLAG_UAEX } from "../../telemetry/response-flags.ts";

/** A list of names; undefined: the configuration has none. */
export type NameList = readonly StringMatcher[] | undefined;

/** The server's settings, compiled. */
export class CompiledExtAuthz {
  readonly config: ExtAuthz;
  readonly slot: ClusterSlot;
  readonly stats: ExtAuthzStats;
  readonly allowedHeaders: NameList;
  readonly disallowedHeaders: NameList;
  readonly lists: HttpLists | undefined;
  /** Where the server could not be asked. */
  readonly failure: LocalReply;

  /** Throws where a pattern is not RE2. */
  constructor(config: ExtAuthz, slot: ClusterSlot, stats: ExtAuthzStats) {
    this.config = config;
    this.slot = slot;
    this.stats = stats;
    this.allowedHeaders = listOf(config.allowedHeaders);
    this.disallowedHeaders = listOf(config.disallowedHeaders);
    const { service } = config;
    this.lists = service.kind === "http" ? new HttpLists(service) : undefined;
    this.failure = {
      status: config.statusOnError,
      body: "",
      flag: FLAG_UAEX,
      details: "ext_authz_error",
      clusterStatus: 0,
    };
  }

  /** How much of the body the server is shown. */
  bodyFor(override: ExtAuthzOverride | undefined): CheckedBody | undefined {
    if (override === undefined || override === "disabled") return this.config.body;
    return override.body === "inherit" ? this.config.body : override.body;
  }
}

type HttpService = Extract<ExtAuthz["service"], { readonly kind: "http" }>;

/** Which headers of an HTTP server's answer go where. */
export class HttpLists {
  readonly upstream: NameList;
  readonly upstreamToAppend: NameList;
  readonly client: NameList;
  readonly clientOnSuccess: NameList;
  readonly metadata: NameList;

  constructor(service: HttpService) {
    this.upstream = listOf(service.upstreamHeaders);
    this.upstreamToAppend = listOf(service.upstreamHeadersToAppend);
    this.client = listOf(service.clientHeaders);
    this.clientOnSuccess = listOf(service.clientHeadersOnSuccess);
    this.metadata = listOf(service.metadataHeaders);
  }
}

/** False for a list that is not there. */
export function isListed(name: string, list: NameList): boolean {
  return list?.some((matcher) => matcher.matches(name)) === true;
}

function listOf(matches: readonly StringMatch[] | undefined): NameList {
  return matches?.map(compileStringMatch);
}
