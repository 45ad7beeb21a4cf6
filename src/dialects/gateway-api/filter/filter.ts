import { FIELD_NAME_WORDS } from "../../../base/grammar/field-name.ts";
import type { CorsPolicy } from "../../../model/filter/cors.ts";
import type { RuleMirror } from "../../../model/http-route-set.ts";
import { type HeaderMutation, type HeaderMutations, NO_MUTATIONS } from "../../../model/route.ts";
import type { DialectContext } from "../../dialect.ts";
import { type FieldTable, fieldTable } from "../../kubernetes/field-table.ts";
import type { Fields } from "../../kubernetes/fields.ts";
import { HEADER_NAME } from "../match.ts";
import type { PathModifier } from "../rewrite.ts";
import { CORS_TABLES, readCors } from "./cors.ts";
import { MIRROR_TABLES, readMirror } from "./mirror.ts";

const FILTER = fieldTable({
  executed: [
    "type",
    "requestHeaderModifier",
    "responseHeaderModifier",
    "requestRedirect",
    "urlRewrite",
    "extensionRef",
    "requestMirror",
    "cors",
  ],
  refused: ["externalAuth"],
});
const HEADERS = fieldTable({ executed: ["set", "add", "remove"] });
const HEADER = fieldTable({ executed: ["name", "value"] });
const REDIRECT = fieldTable({ executed: ["scheme", "hostname", "path", "port", "statusCode"] });
const REWRITE = fieldTable({ executed: ["hostname", "path"] });
const MODIFIER = fieldTable({ executed: ["type", "replaceFullPath", "replacePrefixMatch"] });

export const FILTER_TABLES: Readonly<Record<string, FieldTable>> = {
  "filters[]": FILTER,
  "filters[].requestHeaderModifier, responseHeaderModifier": HEADERS,
  "filters[].requestHeaderModifier.set[], add[]": HEADER,
  "filters[].requestRedirect": REDIRECT,
  "filters[].urlRewrite": REWRITE,
  "filters[].urlRewrite.path, requestRedirect.path": MODIFIER,
  ...MIRROR_TABLES,
  ...CORS_TABLES,
};

type FilterFields = Fields<keyof typeof FILTER>;
type HeadersFields = Fields<keyof typeof HEADERS>;

/** What a rule or a backend does to requests and responses. */
export interface Filters {
  readonly requestHeaders: HeaderMutations;
  readonly responseHeaders: HeaderMutations;
  readonly redirect: Redirect | undefined;
  readonly hostname: string | undefined;
  readonly path: PathModifier | undefined;
  readonly mirrors: readonly RuleMirror[];
  readonly cors: CorsPolicy | undefined;
  /** A filter that is not there: requests must fail rather than pass without it. */
  readonly unresolved: boolean;
}

export interface Redirect {
  readonly scheme: "http" | "https" | undefined;
  readonly hostname: string | undefined;
  readonly path: PathModifier | undefined;
  readonly port: number | undefined;
  readonly status: 301 | 302 | 303 | 307 | 308;
}

/** Which field of a filter its `type` asks for. */
const FIELD_OF_TYPE = {
  RequestHeaderModifier: "requestHeaderModifier",
  ResponseHeaderModifier: "responseHeaderModifier",
  RequestRedirect: "requestRedirect",
  URLRewrite: "urlRewrite",
  RequestMirror: "requestMirror",
  CORS: "cors",
  ExternalAuth: "externalAuth",
  ExtensionRef: "extensionRef",
} as const;

export type FilterType = keyof typeof FIELD_OF_TYPE;

export const HTTP_FILTERS: readonly FilterType[] = Object.keys(FIELD_OF_TYPE) as FilterType[];
export const GRPC_FILTERS: readonly FilterType[] = [
  "RequestHeaderModifier",
  "ResponseHeaderModifier",
  "RequestMirror",
  "ExtensionRef",
];
const FIELDS = Object.values(FIELD_OF_TYPE);
const REPEATABLE: ReadonlySet<FilterType> = new Set(["RequestMirror", "ExtensionRef"]);

export const HOSTNAME: RegExp = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The filters of a rule or of a backend reference; `types` are those of the route's kind. */
export function readFilters<Name extends string>(
  owner: Fields<Name | "filters">,
  types: readonly FilterType[],
  context: DialectContext,
): Filters {
  const read = owner
    .mappings("filters", FILTER, 16)
    .map((fields) => ({ fields, type: readType(fields, types) }));
  const seen = new Set<FilterType>();
  for (const { fields, type } of read) {
    if (type !== undefined && seen.has(type) && !REPEATABLE.has(type)) {
      fields.bad("type", `${type} cannot be repeated`, "one filter of this type");
    }
    if (type !== undefined) seen.add(type);
  }
  if (seen.has("RequestRedirect") && seen.has("URLRewrite")) {
    const message = "RequestRedirect and URLRewrite exclude each other";
    owner.problem("filters", { message, allowed: "one of the two" });
  }
  const rewrite = find(read, "URLRewrite")?.mapping("urlRewrite", REWRITE);
  if (seen.has("ExtensionRef")) reportExtension(find(read, "ExtensionRef"));
  return {
    requestHeaders: readHeaders(
      find(read, "RequestHeaderModifier")?.mapping("requestHeaderModifier", HEADERS),
    ),
    responseHeaders: readHeaders(
      find(read, "ResponseHeaderModifier")?.mapping("responseHeaderModifier", HEADERS),
    ),
    redirect: readRedirect(find(read, "RequestRedirect")),
    hostname: rewrite?.string("hostname", { pattern: HOSTNAME, allowed: "a DNS name" }),
    path: rewrite === undefined ? undefined : readModifier(rewrite),
    mirrors: read.flatMap(({ fields }) => readMirror(fields, context) ?? []),
    cors: read.flatMap(({ fields }) => readCors(fields) ?? [])[0],
    unresolved: seen.has("ExtensionRef"),
  };
}

interface TypedFilter {
  readonly fields: FilterFields;
  readonly type: FilterType | undefined;
}

function find(filters: readonly TypedFilter[], wanted: FilterType): FilterFields | undefined {
  return filters.find(({ type }) => type === wanted)?.fields;
}

/** The one field that the type names must be set, and no other. */
function readType(filter: FilterFields, types: readonly FilterType[]): FilterType | undefined {
  if (!filter.has("type")) filter.missing("type", types.join(", "));
  const type = filter.word("type", types);
  if (type === undefined) return undefined;
  const wanted = FIELD_OF_TYPE[type];
  if (!filter.has(wanted)) filter.missing(wanted, `the settings of type ${type}`);
  for (const field of FIELDS) {
    if (field === wanted || !filter.has(field)) continue;
    filter.bad(field, `\`${field}\` does not go with type ${type}`, wanted);
  }
  return type;
}

function reportExtension(filter: FilterFields | undefined): void {
  filter?.problem("extensionRef", {
    code: "OUT0501",
    severity: "warning",
    message: "Nothing here knows the filter, so requests of this rule fail",
  });
}

function readHeaders(fields: HeadersFields | undefined): HeaderMutations {
  if (fields === undefined) return NO_MUTATIONS;
  const removeRule = { pattern: HEADER_NAME, allowed: FIELD_NAME_WORDS };
  const remove = fields.strings("remove", removeRule).map((name) => name.toLowerCase());
  const set = readMutations(fields, "set", "overwrite");
  const add = readMutations(fields, "add", "append");
  return { set: [...set, ...add], remove };
}

/** Proxies refuse them: another length would cut the message elsewhere. */
const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

function readMutations(
  fields: HeadersFields,
  list: "set" | "add",
  action: HeaderMutation["action"],
): HeaderMutation[] {
  const names = new Set<string>();
  return fields.mappings(list, HEADER, 16).flatMap((entry) => {
    const rule = { pattern: HEADER_NAME, allowed: FIELD_NAME_WORDS };
    const name = entry.requiredString("name", rule)?.toLowerCase();
    const value = entry.requiredString("value", {
      lengthMax: 4096,
      pattern: /^[\t\x20-\x7e\x80-\xff]*$/,
      allowed: "a header value: no line breaks or other control characters",
    });
    if (name === undefined || value === undefined) return [];
    if (FRAMING.has(name)) entry.bad("name", "It says how long the message is", "other headers");
    if (names.has(name)) entry.bad("name", "The header is there twice", "one entry a header");
    names.add(name);
    // The model's values may hold Envoy's %FORMATTERS%; the Gateway API's are literal.
    return [{ name, value: value.replaceAll("%", "%%"), action }];
  });
}

const REDIRECT_CODES = [301, 302, 303, 307, 308] as const;

function readRedirect(filter: FilterFields | undefined): Redirect | undefined {
  const fields = filter?.mapping("requestRedirect", REDIRECT);
  if (fields === undefined) return undefined;
  const code = fields.integer("statusCode");
  const status = REDIRECT_CODES.find((candidate) => candidate === code);
  if (code !== undefined && status === undefined) {
    fields.bad("statusCode", "Not a status of a redirect", REDIRECT_CODES.join(", "));
  }
  return {
    scheme: fields.word("scheme", ["http", "https"]),
    hostname: fields.string("hostname", { pattern: HOSTNAME, allowed: "a DNS name" }),
    path: readModifier(fields),
    port: fields.integer("port", { min: 1, max: 65_535 }),
    status: status ?? 302,
  };
}

function readModifier<Name extends string>(owner: Fields<Name | "path">): PathModifier | undefined {
  const fields = owner.mapping("path", MODIFIER);
  if (fields === undefined) return undefined;
  if (!fields.has("type")) fields.missing("type", "ReplaceFullPath, ReplacePrefixMatch");
  const type = fields.word("type", ["ReplaceFullPath", "ReplacePrefixMatch"]);
  if (type === undefined) return undefined;
  const full = type === "ReplaceFullPath";
  const [wanted, other] = full
    ? (["replaceFullPath", "replacePrefixMatch"] as const)
    : (["replacePrefixMatch", "replaceFullPath"] as const);
  if (fields.has(other)) fields.bad(other, `\`${other}\` does not go with type ${type}`, wanted);
  if (!fields.has(wanted)) fields.missing(wanted, "a path");
  const value = fields.string(wanted, { lengthMax: 1024 });
  return value === undefined ? undefined : { kind: full ? "full" : "prefix", value };
}
