// hot path: no allocation per request
import type { LimitAction, LimitRule } from "../../../model/filter/limit-rule.ts";
import type { LimitDescriptor } from "../../../model/filter/local-rate-limit.ts";
import { hostOf } from "../../format/address-operators.ts";
import type { FormatSource } from "../../format/source.ts";
import type { RequestHead } from "../../route/request-head.ts";
import { HeaderMatcher, ParametersMatcher } from "../../route/route-matcher.ts";

/** What a route and its virtual host say of how requests are described. */
export interface RouteLimitRules {
  readonly own: readonly CompiledLimitRule[];
  readonly host: readonly CompiledLimitRule[];
  /** The route asks for both. */
  readonly addsHost: boolean;
}

/** A descriptor as one text. No header has a NUL. */
export function descriptorKey({ entries }: LimitDescriptor): string {
  let text = "";
  for (let i = 0; i < entries.length; i++) {
    text += entryText(entries[i]?.key ?? "", entries[i]?.value ?? "");
  }
  return text;
}

function entryText(key: string, value: string): string {
  return `${key}\0${value}\0`;
}

/** Makes a descriptor of a request (Envoy: RateLimitPolicyEntryImpl). */
export class CompiledLimitRule {
  readonly #actions: readonly CompiledAction[];

  constructor(rule: LimitRule) {
    this.#actions = rule.actions.map((action) => new CompiledAction(action));
  }

  /** As `descriptorKey`; undefined where there is none. */
  describe(request: RequestHead, source: FormatSource): string | undefined {
    let text = "";
    for (let i = 0; i < this.#actions.length; i++) {
      const entry = this.#actions[i]?.entry(request, source);
      if (entry === undefined) return undefined;
      text += entry;
    }
    return text;
  }
}

class CompiledAction {
  readonly #action: LimitAction;
  readonly #headers: readonly HeaderMatcher[];
  readonly #parameters: ParametersMatcher;

  constructor(action: LimitAction) {
    this.#action = action;
    const headers = action.kind === "headerMatch" ? action.headers : [];
    this.#headers = headers.map((match) => new HeaderMatcher(match));
    this.#parameters = new ParametersMatcher(action.kind === "queryMatch" ? action.parameters : []);
  }

  /** Empty: nothing is added; undefined: there is no descriptor. */
  entry(request: RequestHead, source: FormatSource): string | undefined {
    const action = this.#action;
    switch (action.kind) {
      case "genericKey":
        return entryText(action.key, action.value);
      case "remoteAddress":
        return entryText("remote_address", hostOf(source.downstreamRemoteAddress()));
      case "requestHeader": {
        const value = firstValue(request, action.header);
        if (value === undefined) return action.skipIfAbsent ? "" : undefined;
        return entryText(action.key, value);
      }
      case "headerMatch":
        if (this.#headersMatch(request) !== action.expectMatch) return undefined;
        return entryText(action.key, action.value);
      case "queryMatch":
        if (this.#parameters.match(request) !== action.expectMatch) return undefined;
        return entryText(action.key, action.value);
    }
  }

  #headersMatch(request: RequestHead): boolean {
    for (let i = 0; i < this.#headers.length; i++) {
      if (this.#headers[i]?.matches(request) !== true) return false;
    }
    return true;
  }
}

/** Envoy takes the first of several. */
function firstValue(request: RequestHead, name: string): string | undefined {
  if (name.charCodeAt(0) === 0x3a) return request.header(name);
  const index = request.headers.findName(name);
  return index < 0 ? undefined : request.headers.value(index);
}
