import { HeaderTable } from "../../../codec/http/header-table.ts";
import type { HttpHealthCheck } from "../../../model/upstream/health-check.ts";
import type { Host } from "../../cluster/host.ts";
import { checkedName } from "./probe.ts";

/** What a check over HTTP asks. */
export interface HttpQuestion {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly scheme: "http" | "https";
  /** Without Host. */
  readonly headers: HeaderTable;
}

/** Made anew for each check: whoever writes it may change it. */
export function questionOf(host: Host, check: HttpHealthCheck): HttpQuestion {
  const headers = new HeaderTable();
  headers.addName("user-agent", "Envoy/HC");
  for (const name of check.requestHeaders.remove) headers.removeName(name);
  for (const { name, value, action } of check.requestHeaders.set) {
    const present = headers.findName(name) >= 0;
    if (action === "append" || (action === "addIfAbsent" && !present)) headers.addName(name, value);
    else if (action === "overwrite" || (action === "overwriteIfExists" && present)) {
      headers.setName(name, value);
    }
  }
  return {
    method: check.method,
    authority: checkedName(host, check.host),
    path: check.path,
    scheme: host.transport.tls === undefined ? "http" : "https",
    headers,
  };
}
