import { parseIp } from "../../../../base/ip-address.ts";
import { UriTemplate } from "../../../../codec/http/uri-template.ts";
import type { Permission, Principal, RbacAction } from "../../../../model/filter/rbac.ts";
import type { CidrRange } from "../../../../model/listener.ts";
import type { HeaderMatch, StringMatch } from "../../../../model/route.ts";
import { MetadataMatcher } from "../../metadata-matcher.ts";
import { compileBytes, compileText } from "./compile-text.ts";
import {
  AuthorityValue,
  HeaderPresence,
  HeaderValue,
  PseudoValue,
  TargetValue,
} from "./header-test.ts";
import {
  AllOf,
  Always,
  MetadataTest,
  Not,
  OneOf,
  PathTest,
  PortTest,
  type RbacMatcher,
  ServerNameTest,
  type Side,
  TemplateText,
} from "./matcher.ts";
import { Authenticated, type IpOf, IpTest, PeerName } from "./peer-test.ts";

/** Where the policies of an action begin. */
export function sideOf(action: RbacAction): Side {
  return { eager: action !== "allow", ofUnknown: false };
}

/** Inside a `not`: what let in now keeps out, and the other way round. */
function inverse({ eager, ofUnknown }: Side, allows: boolean): Side {
  return { eager: !eager, ofUnknown: allows && !ofUnknown };
}

/** What makes matchers of one policy's parts. */
export class MatcherCompiler {
  readonly #allows: boolean;

  constructor(action: RbacAction) {
    this.#allows = action === "allow";
  }

  /** Throws where a regex, an address or a template is none. */
  compile(one: Permission | Principal, side: Side): RbacMatcher {
    switch (one.kind) {
      case "any":
        return new Always();
      case "and":
        return new AllOf(one.of.map((part) => this.compile(part, side)));
      case "or":
        return new OneOf(one.of.map((part) => this.compile(part, side)));
      case "not":
        return new Not(this.compile(one.of, inverse(side, this.#allows)));
      case "header":
        return compileHeader(one.match, side);
      case "metadata":
        return new MetadataTest(new MetadataMatcher(one.match));
      case "urlPath":
        return compilePath(one.match, side);
      case "authenticated":
        return compilePeer(one.name, side);
      case "directRemoteIp":
        return compileIp("directIp", one.range, side);
      case "sourceIp":
        return compileIp("sourceIp", one.range, side);
      case "remoteIp":
        return compileIp("remoteIp", one.range, side);
      default:
        return compilePlace(one, side);
    }
  }
}

type Place = Exclude<Permission, { readonly kind: "any" | "and" | "or" | "not" }>;

function compilePlace(one: Place, side: Side): RbacMatcher {
  switch (one.kind) {
    case "uriTemplate": {
      const odd = one.template.includes(";");
      return new PathTest(new TemplateText(new UriTemplate(one.template)), side, odd);
    }
    case "destinationIp":
      return compileIp("destinationIp", one.range, side);
    case "destinationPort":
      return new PortTest(one.port, one.port + 1, side);
    case "destinationPortRange":
      return new PortTest(one.start, one.end, side);
    case "requestedServerName":
      return new ServerNameTest(compileText(one.match), side);
    default:
      throw new RangeError(`${one.kind} is compiled elsewhere`);
  }
}

function compilePath(match: StringMatch, side: Side): RbacMatcher {
  const text = compileBytes(match, side.eager);
  const decoded = match.kind === "regex" ? text : compileBytes(decodedMatch(match), side.eager);
  return new PathTest(text, side, isOddPath(match), decoded);
}

function decodedMatch(match: StringMatch): StringMatch {
  try {
    return { ...match, value: decodeURIComponent(match.value) };
  } catch {
    return match;
  }
}

/** Says itself something that a lenient server reads otherwise: its author knows of that. */
function isOddPath({ kind, value }: StringMatch): boolean {
  if (value.includes(";") || value.includes("%")) return true;
  return kind !== "regex" && value.includes("//");
}

function compilePeer(name: StringMatch | undefined, side: Side): RbacMatcher {
  if (name === undefined) return new Authenticated(side);
  return new PeerName(compileText(name), side, asksPresence(name));
}

/** Istio's `*` is `.+`. */
function asksPresence({ kind, value }: StringMatch): boolean {
  if (kind === "regex") return value === ".+" || value === ".*";
  return kind !== "exact" && value === "";
}

function compileIp(of: IpOf, { address, prefixLength }: CidrRange, side: Side): RbacMatcher {
  const prefix = parseIp(address);
  if (prefix === undefined) throw new RangeError(`${address} is no address`);
  return new IpTest(of, prefix, prefixLength, side);
}

function compileHeader(match: HeaderMatch, side: Side): RbacMatcher {
  const { invert, missingAsEmpty, value } = match;
  // HTTP/1.1's Host is `:authority` everywhere else.
  const name = match.name === "host" ? ":authority" : match.name;
  const question = { name, invert, missingAsEmpty };
  if (value === undefined) return new HeaderPresence(question);
  const eager = side.eager !== invert;
  if (name === ":authority") {
    const text = compileBytes(value, eager, value.ignoreCase || eager);
    return new AuthorityValue(question, text, eager);
  }
  const text = compileBytes(value, eager);
  if (name === ":path") return new TargetValue(question, text, eager);
  if (name.startsWith(":")) return new PseudoValue(question, text);
  return new HeaderValue(question, text, eager);
}
