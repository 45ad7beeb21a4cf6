/** Rules as Envoy's JSON has them, each for the requests whose path begins with its name. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

const ANY: JsonObject[] = [{ any: true }];
const TEMPLATE =
  "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";
const PER_ROUTE = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute";

function header(name: string, match: JsonObject): JsonObject {
  return { header: { name, ...match } };
}

function text(kind: string, value: JsonValue): JsonObject {
  return { string_match: { [kind]: value } };
}

function path(kind: string, value: JsonValue): JsonObject {
  return { url_path: { path: { [kind]: value } } };
}

function template(path_template: string): JsonObject {
  const typed_config = { "@type": TEMPLATE, path_template };
  return {
    uri_template: { name: "envoy.path.match.uri_template.uri_template_matcher", typed_config },
  };
}

function range(address_prefix: string, prefix_len: number): JsonObject {
  return { address_prefix, prefix_len };
}

function named(kind: string, value: JsonValue): JsonObject {
  return { authenticated: { principal_name: { [kind]: value } } };
}

const all = (...rules: JsonObject[]): JsonObject => ({ and_rules: { rules } });
const some = (...rules: JsonObject[]): JsonObject => ({ or_rules: { rules } });
const no = (rule: JsonObject): JsonObject => ({ not_rule: rule });

/** One policy with these permissions. */
function may(...permissions: JsonObject[]): JsonObject {
  return { policies: { one: { permissions, principals: ANY } } };
}

function mayNot(...permissions: JsonObject[]): JsonObject {
  return { action: "DENY", ...may(...permissions) };
}

function who(...principals: JsonObject[]): JsonObject {
  return { policies: { one: { permissions: ANY, principals } } };
}

function whoNot(...principals: JsonObject[]): JsonObject {
  return { action: "DENY", ...who(...principals) };
}

const SPIFFE = "spiffe://mesh/ns/default/sa/client";
const METHODS = some(
  header(":method", text("exact", "GET")),
  header(":method", text("exact", "PUT")),
);

/** By name; the requests of a rule begin with `/NAME`. */
export const RULES: Readonly<Record<string, JsonObject>> = {
  nobody: {},
  everybody: { action: "DENY" },
  methods: may(METHODS),
  "no-methods": mayNot(METHODS),
  "exact-path": may(path("exact", "/exact-path/a")),
  "prefix-path": may(path("prefix", "/prefix-path/a")),
  "suffix-path": may(path("suffix", ".css")),
  "contained-path": may(path("contains", "/in/")),
  "regex-path": may(path("safe_regex", { regex: "/regex-path/[0-9]+" })),
  "folded-path": may({ url_path: { path: { exact: "/FOLDED-path/A", ignore_case: true } } }),
  "not-path": may(no(path("prefix", "/not-path/admin"))),
  target: may(header(":path", text("exact", "/target?x=1"))),
  one: may(template("/one/*/b")),
  any: may(template("/any/**")),
  tail: may(template("/tail/**/c.json")),
  capture: may(template("/capture/{x=a/*}/{y}.html")),
  "exact-header": may(header("x-role", text("exact", "admin"))),
  "not-header": mayNot(no(header("x-role", text("exact", "admin")))),
  "inverted-header": may(header("X-Role", { ...text("exact", "admin"), invert_match: true })),
  "inverted-denied": mayNot(header("x-role", { ...text("exact", "admin"), invert_match: true })),
  "empty-header": may(
    header("x-role", { ...text("exact", ""), treat_missing_header_as_empty: true }),
  ),
  "old-exact": may(header("x-role", { exact_match: "admin" })),
  "old-empty": may(header("x-role", { exact_match: "" })),
  "old-prefix": may(header("x-role", { prefix_match: "adm" })),
  "old-suffix": may(header("x-role", { suffix_match: "min" })),
  "old-contains": may(header("x-role", { contains_match: "dmi" })),
  "old-regex": may(header("x-role", { safe_regex_match: { regex: "a.*n" } })),
  present: may(header("x-role", { present_match: true })),
  absent: may(header("x-role", { present_match: false })),
  "inverted-present": may(header("x-role", { present_match: true, invert_match: true })),
  folded: may(header("x-role", { string_match: { exact: "aDmin", ignore_case: true } })),
  host: may(header(":authority", { string_match: { exact: "Shop.Example", ignore_case: true } })),
  "old-host": may(header("host", text("prefix", "shop."))),
  "denied-role": mayNot(header("x-role", text("exact", "admin"))),
  "and-or": may(
    all(some(header("x-a", text("exact", "1")), header("x-b", text("exact", "1"))), no(METHODS)),
  ),
  deep: may(no(no(all(METHODS, no(some(header("x-a", { present_match: true }))))))),
  port: may({ destination_port: 1 }),
  ports: may({ destination_port_range: { start: 1024, end: 65_536 } }),
  destination: may({ destination_ip: range("127.0.0.1", 32) }),
  elsewhere: may({ destination_ip: range("10.0.0.0", 8) }),
  direct: who({ direct_remote_ip: range("127.0.0.1", 32) }),
  source: who({ source_ip: range("127.0.0.1", 32) }),
  remote: who({ remote_ip: range("203.0.113.0", 24) }),
  "not-remote": whoNot({ remote_ip: range("203.0.113.0", 24) }),
  sni: may({ requested_server_name: { suffix: ".example" } }),
  client: who(named("exact", SPIFFE)),
  "client-prefix": who(named("prefix", "spiffe://mesh/ns/default/")),
  "client-suffix": who(named("suffix", "/sa/client")),
  "client-regex": who(named("safe_regex", { regex: "spiffe://mesh/ns/[a-z]+/sa/client" })),
  "client-dns": who(named("exact", "client.example")),
  "client-subject": who(named("exact", "CN=plain client,O=mesh")),
  "client-any": who(named("safe_regex", { regex: ".+" })),
  "no-client": who({ not_id: named("safe_regex", { regex: ".+" }) }),
  "not-this-client": who({ not_id: named("exact", SPIFFE) }),
  "not-client": whoNot(named("exact", SPIFFE)),
  "all-but-client": whoNot({ not_id: named("exact", SPIFFE) }),
  both: who({
    and_ids: { ids: [named("exact", SPIFFE), header("x-role", text("exact", "admin"))] },
  }),
  either: who({
    or_ids: { ids: [named("exact", SPIFFE), header("x-role", text("exact", "admin"))] },
  }),
  "who-path": who(path("suffix", "/a")),
  "in-order": {
    policies: Object.fromEntries(
      ["z", "10", "9", "a", "B", "é"].map((name) => [
        name,
        { permissions: [header("x-policy", text("contains", name))], principals: ANY },
      ]),
    ),
  },
  many: {
    policies: Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [
        `p${String(i).padStart(2, "0")}`,
        i % 2 === 0
          ? { permissions: [path("exact", `/many/${i}`)], principals: ANY }
          : { permissions: ANY, principals: [named("exact", `${SPIFFE}${i}`)] },
      ]),
    ),
  },
};

function override(rbac: JsonObject): JsonObject {
  return { "@type": PER_ROUTE, rbac };
}

function routeTo(prefix: string, filters: JsonObject): JsonObject {
  return {
    match: prefix === "/" ? { prefix } : { path_separated_prefix: prefix },
    route: { cluster: "a", timeout: "0s" },
    typed_per_filter_config: filters,
  };
}

/** A route for each of the rules, and levels that speak of filters above and beside them. */
export const RBAC_ROUTES: JsonObject = {
  virtual_hosts: [
    {
      name: "levels",
      domains: ["levels.example"],
      typed_per_filter_config: { rb: override({ rules: {} }) },
      routes: [
        routeTo("/own", { rb: override({ rules: { action: "DENY" } }) }),
        routeTo("/off", { rb: { "@type": PER_ROUTE } }),
        routeTo("/other", { nobody: override({ rules: {} }) }),
        routeTo("/prefixes", {
          rb: override({
            rules: who({ any: true }),
            rules_stat_prefix: "mine_",
            shadow_rules: {},
            shadow_rules_stat_prefix: "shadow_",
            track_per_rule_stats: true,
          }),
        }),
        { match: { prefix: "/direct" }, direct_response: { status: 200 } },
        { match: { prefix: "/redirect" }, redirect: { host_redirect: "elsewhere" } },
        routeTo("/", {}),
      ],
    },
    {
      name: "all",
      domains: ["*"],
      routes: [
        ...Object.entries(RULES).map(([name, rules]) =>
          routeTo(`/${name}`, { rb: override({ rules, track_per_rule_stats: true }) }),
        ),
        routeTo("/open", {}),
      ],
    },
  ],
};
