import type { PathMatch, RedirectAction } from "../../model/route.ts";
import type { Redirect } from "./filter/filter.ts";
import { NO_REWRITE, pathRewrite } from "./rewrite.ts";

/** The redirect for requests that this path matched, on this port of the Service. */
export function redirectAction(
  redirect: Redirect,
  path: PathMatch,
  servicePort: number,
): RedirectAction {
  const modifier = redirect.path;
  const rewrite = modifier?.kind === "prefix" ? pathRewrite(modifier, path) : NO_REWRITE;
  return {
    kind: "redirect",
    host: redirect.hostname,
    port: redirectPort(redirect, servicePort),
    scheme: redirect.scheme,
    path: modifier?.kind === "full" ? modifier.value : undefined,
    ...rewrite,
    status: redirect.status,
    stripQuery: false,
  };
}

/**
 * The port to write into Location; undefined leaves the host as it stands there. The specification:
 * the filter's port, else the scheme's well-known one, else the listener's; and the scheme's
 * well-known port is not written. A client writes no port into Host on port 80.
 */
function redirectPort(redirect: Redirect, servicePort: number): number | undefined {
  const { scheme, hostname } = redirect;
  const wellKnown = scheme === "https" ? 443 : 80;
  const wanted = redirect.port ?? (scheme === undefined ? servicePort : wellKnown);
  const hostHasPort = hostname === undefined && servicePort !== 80;
  if (hostHasPort && wanted === servicePort) return undefined;
  return wanted === wellKnown && !hostHasPort ? undefined : wanted;
}
