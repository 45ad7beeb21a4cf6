import type { Clock, Timer } from "../../base/clock.ts";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { type JsonFields, parseStrictJson } from "../../base/document/strict-json.ts";
import type { Random } from "../../base/random.ts";
import { publicKeySet } from "../../identity/keys/json-web-key.ts";
import { subjectOf } from "../../model/origin.ts";
import type { TokenKeys, TokenRule } from "../../model/policy/request-authentication.ts";
import type { FetchText } from "./guarded-fetch.ts";

/** Istio: JwtPubKeyRefreshInterval. */
const REFRESH_MS = 20 * 60_000;
/** After a failure, and twice as long after each further one. */
const RETRY_MS = 5000;
/** Further sources wait until the configuration names fewer. */
const SOURCES_MAX = 1000;

const DISCOVERY_PATH = "/.well-known/openid-configuration";

export interface LibraryOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: FetchText;
  /** Keys have come that were not known. */
  readonly onChange: () => void;
}

/** One place that keys come from. */
interface Source {
  /** The one that was read last. */
  rule: TokenRule;
  /** The last good ones. */
  text: string | undefined;
  /** Why the last fetch failed; empty: it did not. */
  failure: string;
  failures: number;
  timer: Timer | undefined;
  isWanted: boolean;
}

/**
 * Keys that the control plane fetches, as istiod does: for all rules that name a URL, or an issuer
 * that can be asked. They are fetched anew every 20 minutes, and the last good ones stay.
 */
export class KeyLibrary {
  readonly #options: LibraryOptions;
  readonly #sources = new Map<string, Source>();

  constructor(options: LibraryOptions) {
    this.#options = options;
  }

  /** From now on the keys of these rules are wanted, and no others. */
  want(rules: readonly TokenRule[]): void {
    const wanted = new Map(rules.map((rule) => [nameOf(rule.keys), rule]));
    wanted.delete("");
    for (const [name, source] of this.#sources) {
      if (wanted.has(name)) continue;
      source.isWanted = false;
      source.timer?.cancel();
      this.#sources.delete(name);
    }
    for (const [name, rule] of wanted) {
      const known = this.#sources.get(name);
      if (known !== undefined) known.rule = rule;
      if (known !== undefined || this.#sources.size >= SOURCES_MAX) continue;
      const source: Source = {
        rule,
        text: undefined,
        failure: "",
        failures: 0,
        timer: undefined,
        isWanted: true,
      };
      this.#sources.set(name, source);
      void this.#fetch(source);
    }
  }

  /** A key set; undefined as long as there is none. */
  textOf(keys: TokenKeys): string | undefined {
    return this.#sources.get(nameOf(keys))?.text;
  }

  /** Keys that cannot be had, where they are asked for. */
  get problems(): readonly Diagnostic[] {
    return [...this.#sources.values()].flatMap(problemOf);
  }

  stop(): void {
    this.want([]);
  }

  async #fetch(source: Source): Promise<void> {
    try {
      const text = await this.#read(source.rule);
      const isNew = text !== source.text;
      source.text = text;
      source.failure = "";
      source.failures = 0;
      if (isNew && source.isWanted) this.#options.onChange();
    } catch (error) {
      source.failure = error instanceof Error ? error.message : String(error);
      source.failures++;
    }
    if (source.isWanted) this.#again(source);
  }

  async #read({ keys, timeoutMs }: TokenRule): Promise<string> {
    const url =
      keys.kind === "discovery" ? await this.#discover(keys.issuer, timeoutMs) : urlOf(keys);
    const text = publicKeySet(await this.#options.fetch(url, timeoutMs));
    if (text === undefined) throw new Error(`${url} has no public key to verify tokens with`);
    return text;
  }

  /** OpenID Connect Discovery 1.0, section 4. */
  async #discover(issuer: string, timeoutMs: number): Promise<string> {
    const url = issuer.replace(/\/$/, "") + DISCOVERY_PATH;
    const found: JsonFields = parseStrictJson(await this.#options.fetch(url, timeoutMs)) ?? {};
    const { jwks_uri: uri } = found;
    if (typeof uri !== "string" || !URL.canParse(uri)) throw new Error(`${url} has no jwks_uri`);
    return uri;
  }

  #again(source: Source): void {
    const { clock, random } = this.#options;
    const afterFailure = Math.min(REFRESH_MS, RETRY_MS * 2 ** (source.failures - 1));
    const delayMs = source.failures === 0 ? REFRESH_MS : afterFailure;
    const jittered = delayMs * (0.9 + 0.2 * random.next());
    source.timer = clock.after(jittered, () => void this.#fetch(source));
  }
}

/** What the rule is known by; empty where nothing is fetched for it. */
function nameOf(keys: TokenKeys): string {
  if (keys.kind === "inline") return "";
  if (keys.kind === "url") return `url ${keys.url}`;
  return URL.canParse(keys.issuer) ? `issuer ${keys.issuer}` : "";
}

function urlOf(keys: TokenKeys): string {
  if (keys.kind !== "url") throw new Error("keys are not at a URL");
  return keys.url;
}

function problemOf({ failure, rule, text }: Source): Diagnostic[] {
  if (failure === "") return [];
  const effect = text === undefined ? "all of its tokens are refused" : "the last good ones stay";
  return [
    {
      code: "OUT0604",
      severity: "warning",
      message: `The keys of this rule cannot be fetched, and ${effect}: ${failure}`,
      position: rule.origin.position,
      subject: subjectOf(rule.origin),
      path: rule.origin.path,
    },
  ];
}
