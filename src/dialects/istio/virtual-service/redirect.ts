import type { ScopedMatch } from "../../../model/http-route-set.ts";
import type { RedirectAction } from "../../../model/route.ts";
import type { Spec } from "../spec.ts";
import { portError } from "../text-rules.ts";

const STATUSES = [301, 302, 303, 307, 308] as const;
type RedirectStatus = (typeof STATUSES)[number];

/** HTTPRedirect as Envoy's RedirectAction. `matches` may fix the port that a request came to. */
export function readRedirect(redirect: Spec, matches: readonly ScopedMatch[]): RedirectAction {
  checkTarget(redirect);
  const scheme = redirect.at("scheme").text() || undefined;
  return {
    kind: "redirect",
    host: redirect.at("authority").text() || undefined,
    port: withoutDefault(readPort(redirect, matches), scheme ?? "http"),
    scheme,
    path: redirect.at("uri").text() || undefined,
    prefixRewrite: redirect.at("prefixRewrite").text() || undefined,
    regexRewrite: undefined,
    status: readStatus(redirect.at("redirectCode")),
    stripQuery: false,
  };
}

function checkTarget(redirect: Spec): void {
  const targets = ["uri", "prefixRewrite", "authority", "scheme", "port", "derivePort"];
  if (!targets.some((field) => redirect.at(field).present)) {
    redirect.refuse("redirect must specify URI, authority, scheme, or port");
  }
  if (redirect.at("uri").text() && redirect.at("prefixRewrite").text()) {
    redirect.refuse("redirect may only specify one of uri or prefix_rewrite");
  }
  if (redirect.at("port").present && redirect.at("derivePort").present) {
    redirect.refuse("only one of port, derivePort can be set", "port | derivePort");
  }
  const scheme = redirect.at("scheme");
  if (!["", "http", "https"].includes(scheme.text() ?? "")) {
    scheme.refuse('invalid redirect scheme, must be "http" or "https"', "http | https");
  }
  const port = redirect.at("port").count() ?? 0;
  if (port > 0) redirect.at("port").refuse(portError(port));
}

function readPort(redirect: Spec, matches: readonly ScopedMatch[]): number | undefined {
  const derive = redirect.at("derivePort");
  if (derive.text() !== "FROM_REQUEST_PORT") return redirect.at("port").count() || undefined;
  const ports = new Set(matches.map((match) => match.port));
  const [port] = ports;
  if (ports.size === 1 && port !== undefined) return port;
  derive.notExecuted("the port is only known where every match of the rule names one");
  return undefined;
}

/** Location does not spell out the port that the scheme implies. */
function withoutDefault(port: number | undefined, scheme: string): number | undefined {
  const implied = scheme === "https" ? 443 : 80;
  return port === implied ? undefined : port;
}

function readStatus(node: Spec): RedirectStatus {
  const code = node.count() ?? 0;
  if (code === 0) return 301;
  const status = STATUSES.find((known) => known === code);
  if (code < 300 || code > 399) {
    node.refuse(`${code} is not a valid redirect code, must be 3xx`, STATUSES.join(", "));
  } else if (status === undefined) {
    node.refuse(`redirect code ${code} is not one that Envoy can answer`, STATUSES.join(", "));
  }
  return status ?? 301;
}
